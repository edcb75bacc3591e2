package awswire

import "testing"

func TestAppendSqueezed(t *testing.T) {
	for v, want := range map[string]string{
		"": "", "a": "a", "a b": "a b", " a": "a", "a ": "a", "a  b": "a b", "a\tb": "a b", " ": "", "a\u00a0b": "a b", "ü b": "ü b",
	} {
		if got := string(appendSqueezed(nil, v)); got != want {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
}
