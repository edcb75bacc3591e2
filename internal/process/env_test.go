//go:build unix

package process_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand/internal/process"
)

func TestEnvironmentIsBuilt(t *testing.T) {
	t.Setenv("ERRAND_TOKEN", "secret")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	host := process.CurrentHost(func(name string) string {
		return map[string]string{"PATH": "/p", "LANG": "xx", "TZ": "UTC", "ERRAND_TOKEN": "secret"}[name]
	})
	host.Home, host.User = "/h", "u"
	e := process.Env{
		Host: host, Temp: "/t",
		GitCeiling: []string{"/d", "/e"},
		Agent:      map[string]string{"A": "agent's", "B": "2", "TZ": "CET", "NONE": "", "ERRAND_JOB_ID": "forged"},
		Own:        map[string]string{"ERRAND_JOB_ID": "J"},
		Job:        map[string]string{"A": "1", "LANG": "de", "EMPTY": "", "ERRAND_JOB_ID": "forged"},
	}
	want := []string{
		"A=1", "B=2", "CI=true", "EMPTY=", "ERRAND_JOB_ID=J", "GIT_CEILING_DIRECTORIES=/d:/e", "GIT_TERMINAL_PROMPT=0", "HOME=/h",
		"LANG=de", "LOGNAME=u", "NONE=", "PATH=/p", "PYTHONUNBUFFERED=1", "TMPDIR=/t", "TZ=CET", "USER=u",
	}
	if got := e.Build(); !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
	p := program(t, "env")
	p.Env = append(e.Build(), "PROCESS_TEST_ROLE=env")
	var out bytes.Buffer
	p.Stdout = &out
	if _, err := p.Run(t.Context()); err != nil || strings.Contains(out.String(), "secret") {
		t.Fatalf("the program saw %q, %v", out.String(), err)
	}
}
