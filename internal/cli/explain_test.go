package cli

import (
	"testing"
	"time"
)

func TestWithLocalTimes(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for sentence, want := range map[string]string{
		"job 9 waits until 2026-11-30T22:00:00Z, for 3 hours":                     "job 9 waits until 2026-11-30 23:00:00 CET, for 3 hours",
		"job 9 failed at 2026-07-01T22:30:05Z: lost (since 2026-07-01T22:00:00Z)": "job 9 failed at 2026-07-02 00:30:05 CEST: lost (since 2026-07-02 00:00:00 CEST)",
		"job 9 waits because queue \"a-2026-99-99T99:99:99Z\" is paused":          "job 9 waits because queue \"a-2026-99-99T99:99:99Z\" is paused",
	} {
		if got := withLocalTimes(sentence, berlin); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
