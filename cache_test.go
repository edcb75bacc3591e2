package errand_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/errandhq/errand"
)

func TestCacheKey(t *testing.T) {
	t.Parallel()
	hashOf := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	a, b := sha256.Sum256([]byte("content of a")), sha256.Sum256([]byte("content of b }}"))
	both := string(a[:]) + string(b[:])
	for text, want := range map[string]string{
		"go-1.26_x": "go-1.26_x", `go-{{ checksum "a" }}`: "go-" + hashOf("content of a"), `{{checksum "a"}}`: hashOf("content of a"),
		`x-{{ checksum "a"   "b }}" }}.{{checksum "a"}}`: "x-" + hashOf(both) + "." + hashOf("content of a"),
	} {
		k, err := errand.ParseCacheKey(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := k.Expand(func(file string) ([sha256.Size]byte, error) { return sha256.Sum256([]byte("content of " + file)), nil })
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
		if head, _, _ := strings.Cut(text, "{{"); k.Static() != head || k.IsStatic() != (head == text) {
			t.Errorf("%s: begins with %q", text, k.Static())
		}
	}
	missing := errors.New("missing")
	k, _ := errand.ParseCacheKey(`{{ checksum "a" }}`)
	if _, err := k.Expand(func(string) ([sha256.Size]byte, error) { return [32]byte{}, missing }); !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
	for text, want := range map[string]string{
		"": "1 to 1000 bytes", "a b": "letters", "a/b": "letters", ".a": "begin with a letter", "{{": "no end", `{{ checksum "a }}`: "no end", "{{ checksum }}": "unknown", `{{ checksum"a" }}`: "unknown",
		`{{ env "a" }}`: "unknown", "{{ checksum a }}": "unknown", `{{ checksum "a" b }}`: "unknown", `{{ checksum "../a" }}`: "path of a file", `{{ checksum "/etc/passwd" }}`: "path of a file",
		strings.Repeat("a", 201): "200 bytes", strings.Repeat(`{{ checksum "a" }}`, 4): "200 bytes", "a}}": "letters",
	} {
		if _, err := errand.ParseCacheKey(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v; want %q", text, err, want)
		}
	}
}

func TestCachePaths(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		paths []string
		bad   string
	}{
		{[]string{"node_modules", "~/.cache/go-build", "a/.git/x", "~/node_modules"}, ""},
		{nil, "1 to 20 entries"}, {[]string{"."}, "below"}, {[]string{"~"}, "below"}, {[]string{"~/"}, "below"}, {[]string{"/etc"}, "below"}, {[]string{"a/../b"}, "below"}, {[]string{"../b"}, "below"},
		{[]string{"~/../x"}, "below"}, {[]string{"~root/x"}, "below"}, {[]string{`a\b`}, "below"}, {[]string{"a", "a/b"}, "overlap"}, {[]string{"~/a/b", "~/a"}, "overlap"}, {[]string{"a", "a"}, "overlap"},
		{[]string{strings.Repeat("a", 501)}, "500"},
	} {
		spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Cache: []errand.Cache{{Key: "k", Paths: tt.paths}}}
		spec.Normalise(errand.DefaultTiming())
		err := spec.Validate()
		if tt.bad == "" && err != nil || tt.bad != "" && (err == nil || !strings.Contains(err.Error(), tt.bad)) {
			t.Errorf("%q: got %v; want %q", tt.paths, err, tt.bad)
		}
	}
}
