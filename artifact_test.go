package errand

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern  string
		yes, no  []string
		into, by []string // folders that may hold matches, and that can't
	}{
		{"dist", []string{"dist", "dist/a", "dist/a/b"}, []string{"distx", "a/dist"}, []string{"dist", "dist/a"}, []string{"a"}},
		{"dist/**", []string{"dist", "dist/a", "dist/a/b"}, []string{"distx"}, []string{"dist/a/b"}, []string{"a"}},
		{"./dist/", []string{"dist/a"}, []string{"a"}, nil, nil},
		{".", []string{"a", "a/b"}, nil, []string{"a"}, nil},
		{"**", []string{"a", "a/b"}, nil, nil, nil},
		{"*.xml", []string{"a.xml", ".xml"}, []string{"a/b.xml", "a.xm"}, nil, []string{"a"}},
		{"**/*.xml", []string{"a.xml", "a/b.xml", "a/b/c.xml"}, []string{"a.xmlx"}, []string{"a/b"}, nil},
		{"a/**/b/*.o", []string{"a/b/x.o", "a/c/b/x.o", "a/b/b/x.o"}, []string{"a/x.o", "b/x.o", "a/b/c/x"}, []string{"a", "a/b", "a/q/r"}, []string{"b"}},
		{"a?c/[x-z]", []string{"abc/y", "aéc/z"}, []string{"a/c/y", "abc/w"}, []string{"abc"}, []string{"abd"}},
		{"[[]x]", []string{"[x]"}, []string{"x"}, nil, nil},
	} {
		p, err := ParsePattern(tc.pattern)
		if err != nil {
			t.Fatalf("%s: %v", tc.pattern, err)
		}
		for want, names := range map[bool][]string{true: tc.yes, false: tc.no} {
			for _, name := range names {
				if got := p.Match(name); got != want {
					t.Errorf("%s matches %s: %v", tc.pattern, name, got)
				}
			}
		}
		for want, dirs := range map[bool][]string{true: tc.into, false: tc.by} {
			for _, dir := range dirs {
				if got := p.MayMatchBelow(dir); got != want {
					t.Errorf("%s may match below %s: %v", tc.pattern, dir, got)
				}
			}
		}
	}
	for _, bad := range []string{"", "/a", "~/a", "../a", "a/../b", "a[", "a[]b", `a\b`, "C:/a", "a\x00", "\xff", strings.Repeat("x", 501), strings.Repeat("x/", 61)} {
		if p, err := ParsePattern(bad); err == nil {
			t.Errorf("%q is read as %v", bad, p.elements)
		}
	}
	long := strings.Repeat("**/", 59) + "x"
	p, err := ParsePattern(long)
	if err != nil || !p.Match(strings.Repeat("a/", 200)+"x") {
		t.Errorf("%v", err)
	}
}

func TestArtifactJSON(t *testing.T) {
	t.Parallel()
	var all []Artifact
	const text = `["dist/**",{"path":"report.xml","name":"tests","optional":true,"when":"failure"}]`
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	if all[0] != (Artifact{Path: "dist/**"}) || all[1] != (Artifact{"report.xml", "tests", true, WhenFailure}) {
		t.Errorf("%+v", all)
	}
	if b, err := json.Marshal(all); err != nil || string(b) != text {
		t.Errorf("%s, %v", b, err)
	}
	for _, bad := range []string{`[1]`, `[{"path":"a","paths":[]}]`, `[null]`} {
		if err := json.Unmarshal([]byte(bad), &all); err == nil && bad != `[null]` {
			t.Errorf("%s is read as %+v", bad, all)
		}
	}
	if a := (Artifact{When: WhenFailure}); a.AppliesTo(true) || !a.AppliesTo(false) {
		t.Error("when: failure")
	}
	if a := (Artifact{When: WhenSuccess}); !a.AppliesTo(true) || a.AppliesTo(false) {
		t.Error("when: success")
	}
}
