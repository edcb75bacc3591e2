package artifact

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
)

func TestJUnit(t *testing.T) {
	t.Parallel()
	const pytest = `<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3">
<testcase classname="tests.test_a" name="test_ok" time="0.001"/>
<testcase classname="tests.test_a" name="test_é" time="0.001"><failure message="AssertionError: assert 1 == 2&#10;more">def test():
&gt;  assert 1 == 2</failure></testcase>
<testcase classname="tests.test_a" name="test_skip"><skipped type="pytest.skip" message="no"/></testcase>
</testsuite></testsuites>`
	const nested = `<testsuite name="outer"><properties><property name="a" value="b"/></properties><testsuite name="inner">
<testcase name="setup"><error type="E">

   it broke
   here</error><system-out>text</system-out></testcase></testsuite><testcase name="fine"><system-err/></testcase></testsuite>`
	for name, tc := range map[string]struct {
		text string
		want *errand.TestReport
	}{
		"pytest": {pytest, &errand.TestReport{Tests: 3, Failed: 1, Skipped: 1, Failing: []errand.FailedTest{
			{Class: "tests.test_a", Name: "test_é", Message: "AssertionError: assert 1 == 2", File: "r.xml"},
		}}},
		"nested": {nested, &errand.TestReport{Tests: 2, Failed: 1, Failing: []errand.FailedTest{{Name: "setup", Message: "it broke", File: "r.xml"}}}},
		"empty":  {`<testsuites/>`, &errand.TestReport{}},
		"other":  {`<coverage><testcase name="a"/></coverage>`, nil},
		"text":   {"no XML", nil},
		"none":   {"", nil},
	} {
		got, err := readJUnit("r.xml", strings.NewReader(tc.text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestJUnitHostile: a report can't make the worker expand entities, recurse or keep much.
func TestJUnitHostile(t *testing.T) {
	t.Parallel()
	bomb := `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>`
	after := `<testsuite><!ENTITY a "x"><testcase name="a"/></testsuite>`
	undefined := `<testsuite><testcase name="ok"/><testcase name="&unknown;"/></testsuite>`
	deep := "<testsuite>" + strings.Repeat("<a>", errand.MaxTestReportDepth)
	for name, tc := range map[string]struct {
		text  string
		tests int
	}{"bomb": {bomb, 0}, "later directive": {after, 0}, "undefined entity": {undefined, 1}, "deep": {deep, 0}, "cut": {`<testsuite><testcase name="a"/>`, 1}} {
		report, err := readJUnit("r.xml", strings.NewReader(tc.text))
		if name == "bomb" {
			if report != nil {
				t.Errorf("%s: %+v", name, report)
			}
			continue
		}
		if err == nil || report == nil || report.Tests != tc.tests {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	long := strings.Repeat("é", 10_000)
	many := "<testsuite>" + strings.Repeat(`<testcase name="`+long+`" classname="`+long+`"><failure message="`+long+`"/></testcase>`, 100) + "</testsuite>"
	report, err := readJUnit("r.xml", strings.NewReader(many))
	if err != nil || report.Failed != 100 || len(report.Failing) != errand.MaxFailedTests {
		t.Fatalf("%d failed, %d named, %v", report.Failed, len(report.Failing), err)
	}
	f := report.Failing[0]
	if len(f.Name) != errand.MaxTestNameBytes || len(f.Class) != errand.MaxTestNameBytes || len(f.Message) != errand.MaxTestMessageBytes {
		t.Errorf("%d, %d, %d bytes", len(f.Name), len(f.Class), len(f.Message))
	}
}
