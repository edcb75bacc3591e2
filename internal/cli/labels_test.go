package cli

import (
	"maps"
	"strings"
	"testing"
)

func TestParseRequires(t *testing.T) {
	t.Parallel()
	got, err := parseRequires([]string{"gpu", "disk=ssd", "cpus>=8", "note=a>=b"})
	if want := map[string]string{"gpu": "*", "disk": "ssd", "cpus": ">=8", "note": "a>=b"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	for _, tt := range []struct{ values, want string }{
		{"", `--requires must be NAME, NAME=VALUE or NAME>=NUMBER, got ""`},
		{"gpu=", `NAME>=NUMBER, got "gpu="`},
		{"=h200", `NAME>=NUMBER, got "=h200"`},
		{">=8", `NAME>=NUMBER, got ">=8"`},
		{"cpus>8", `NAME>=NUMBER, got "cpus>8"`},
		{"cpus<=8", `NAME>=NUMBER, got "cpus<=8"`},
		{"os os=linux", "--requires names os twice"},
	} {
		if _, err := parseRequires(strings.Split(tt.values, " ")); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.values, err, tt.want)
		}
	}
}
