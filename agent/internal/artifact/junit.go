package artifact

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/errandhq/errand"
)

// readJUnit counts the tests of a JUnit file, which may be hostile. It returns nil if the
// document is something else, and with an error what it has read so far. There is no
// standard: testcase, failure, error and skipped are what all that write it have in
// common.
func readJUnit(name string, r io.Reader) (*errand.TestReport, error) {
	j := &junit{dec: xml.NewDecoder(r), file: name}
	err := j.read()
	if j.report == nil || errors.Is(err, io.EOF) {
		err = nil
	}
	return j.report, err
}

// read reads to the end, where its error is io.EOF.
func (j *junit) read() error {
	for {
		token, err := j.dec.Token()
		if err == nil {
			err = j.token(token)
		}
		if err != nil {
			return err
		}
	}
}

// errNoReport: the document is something else.
var errNoReport = errors.New("not a report of tests")

type junit struct {
	dec    *xml.Decoder
	file   string
	report *errand.TestReport // nil before the root element

	depth           int
	test            *errand.FailedTest // the testcase that is read
	failed, skipped bool
	inFailure       bool // text is the failure's
}

func (j *junit) token(token xml.Token) error {
	switch t := token.(type) {
	case xml.Directive:
		return errors.New("documents with a DOCTYPE are not read")
	case xml.StartElement:
		if j.depth++; j.depth > errand.MaxTestReportDepth {
			return fmt.Errorf("the elements are nested deeper than %d", errand.MaxTestReportDepth)
		}
		return j.begin(t)
	case xml.EndElement:
		j.depth--
		j.end(t.Name.Local)
	case xml.CharData:
		if j.inFailure && j.test.Message == "" {
			j.test.Message = clip(firstLine(string(t)), errand.MaxTestMessageBytes)
		}
	}
	return nil
}

func (j *junit) begin(e xml.StartElement) error {
	name := e.Name.Local
	if j.report == nil {
		if name != "testsuites" && name != "testsuite" {
			return errNoReport
		}
		j.report = &errand.TestReport{}
		return nil
	}
	switch {
	case name == "testcase" && j.test == nil:
		j.test = &errand.FailedTest{
			Class: clip(attribute(e, "classname"), errand.MaxTestNameBytes), Name: clip(attribute(e, "name"), errand.MaxTestNameBytes), File: j.file,
		}
	case j.test == nil:
	case name == "failure" || name == "error":
		j.failed, j.inFailure = true, true
		if j.test.Message == "" {
			j.test.Message = clip(firstLine(attribute(e, "message")), errand.MaxTestMessageBytes)
		}
	case name == "skipped":
		j.skipped = true
	}
	return nil
}

func (j *junit) end(name string) {
	switch {
	case name == "failure" || name == "error":
		j.inFailure = false
	case name == "testcase" && j.test != nil:
		j.report.Tests++
		switch {
		case j.failed:
			j.report.Failed++
			if len(j.report.Failing) < errand.MaxFailedTests {
				j.report.Failing = append(j.report.Failing, *j.test)
			}
		case j.skipped:
			j.report.Skipped++
		}
		j.test, j.failed, j.skipped, j.inFailure = nil, false, false, false
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// firstLine returns the first line that isn't blank.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

// clip cuts s to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
