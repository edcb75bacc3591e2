package awswire

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestAppendSqueezed(t *testing.T) {
	for v, want := range map[string]string{
		"": "", "a": "a", "a b": "a b", " a": "a", "a ": "a", "a  b": "a b", "a\tb": "a b", " ": "", "a\u00a0b": "a b", "ü b": "ü b",
	} {
		if got := string(appendSqueezed(nil, v)); got != want {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
}

func TestHeaderValues(t *testing.T) {
	h := http.Header{"X-Amz-Date": {"1", "2"}, "Content-Type": {"3"}, "Amz-Sdk-Invocation-Id": {"4"}, "A1-B": {"5"}}
	h.Set(strings.Repeat("long-", 20), "6")
	for _, name := range []string{"x-amz-date", "X-AMZ-dATE", "content-type", "amz-sdk-invocation-id", "a1-b", "absent", "", "-", strings.Repeat("long-", 20)} {
		if got, want := headerValues(h, name), h.Values(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
