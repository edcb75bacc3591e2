package agent

import "testing"

func TestClip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"abc": "abc", "abcdef": "abcd", "abc€": "abc"} {
		if got := clip(in, 4); got != want {
			t.Errorf("clip(%q) = %q", in, got)
		}
	}
}
