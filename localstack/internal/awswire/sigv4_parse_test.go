package awswire

import (
	"strings"
	"testing"
	"time"
)

// TestBasicTime: what basicTime takes, time.Parse reads in the same way.
func TestBasicTime(t *testing.T) {
	for value, taken := range map[string]bool{
		"20270115T080000Z": true, "20270228T235959Z": true, "00010101T000000Z": true,
		"20270131T080000Z": false, // not every month has it
		"20271315T080000Z": false, "20270100T080000Z": false, "20270115T240000Z": false, "20270115T086000Z": false,
		"20270115T080060Z": false, "20270115 080000Z": false, "20270115T080000X": false, "2027011AT080000Z": false,
		"20270115T08000Z": false, "20270115T080000.5Z": false, "": false,
	} {
		got, ok := basicTime(value)
		if ok != taken {
			t.Errorf("%q: taken is %v", value, ok)
		}
		want, err := time.Parse(timeFormat, value)
		if ok && (err != nil || !got.Equal(want)) {
			t.Errorf("%q: %v, want %v, %v", value, got, want, err)
		}
	}
}

func TestAppendSqueezed(t *testing.T) {
	for v, want := range map[string]string{
		"": "", "a": "a", "a b": "a b", " a": "a", "a ": "a", "a  b": "a b", "a\tb": "a b", " ": "", "a\u00a0b": "a b", "ü b": "ü b",
	} {
		if got := string(appendSqueezed(nil, v)); got != want {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
		if isSqueezed(v) && v != strings.Join(strings.Fields(v), " ") {
			t.Errorf("%q isn't squeezed", v)
		}
	}
}
