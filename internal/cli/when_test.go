package cli

import (
	"testing"
	"time"
	_ "time/tzdata" // Windows may have no time zones
)

func TestNotBefore(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 10, 24, 21, 0, 0, 0, berlin) // summer time ends in the night
	for _, tt := range []struct {
		flags whenFlags
		want  string // empty: an error
	}{
		{whenFlags{at: "22:00"}, "2026-10-24T20:00:00Z"},
		{whenFlags{at: "21:00"}, "2026-10-25T20:00:00Z"},
		{whenFlags{at: "06:30:15"}, "2026-10-25T05:30:15Z"},
		{whenFlags{at: "2026-10-26T08:00"}, "2026-10-26T07:00:00Z"},
		{whenFlags{at: "2026-10-26T08:00:00+09:00"}, "2026-10-25T23:00:00Z"},
		{whenFlags{in: 2 * time.Hour}, "2026-10-24T21:00:00Z"},
		{whenFlags{at: "22:00", in: time.Hour}, ""},
		{whenFlags{at: "noon"}, ""},
		{whenFlags{in: -time.Hour}, ""},
	} {
		at, err := tt.flags.notBefore(now)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%+v: %v, want an error", tt.flags, at)
			}
			continue
		}
		if err != nil || at.Format(time.RFC3339) != tt.want {
			t.Errorf("%+v: %v, %v, want %s", tt.flags, at, err, tt.want)
		}
	}
}
