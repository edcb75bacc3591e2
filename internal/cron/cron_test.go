package cron

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, expression, zone string) *Expression {
	t.Helper()
	loc, err := LoadZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(expression, loc)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestNextWhereClocksChange: what happens to the times that don't exist, and to those that
// exist twice.
func TestNextWhereClocksChange(t *testing.T) {
	for _, tc := range []struct {
		name, zone, expression, from string
		want                         []string
	}{
		{"forward: the moment of the change", "Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", []string{"03-29T03:00+02:00", "03-30T02:30+02:00"}},
		{"forward: once for all that are skipped", "Europe/Berlin", "*/20 2 * * *", "2026-03-28T12:00:00Z", []string{"03-29T03:00+02:00", "03-30T02:00+02:00"}},
		{"forward: once with the one that is there", "Europe/Berlin", "0 2,3 * * *", "2026-03-28T12:00:00Z", []string{"03-29T03:00+02:00", "03-30T02:00+02:00"}},
		{"back: the first", "Europe/Berlin", "30 2 * * *", "2026-10-24T12:00:00Z", []string{"10-25T02:30+02:00", "10-26T02:30+01:00"}},
		{"back: the first, asked between both", "Europe/Berlin", "30 2 * * *", "2026-10-25T01:10:00Z", []string{"10-26T02:30+01:00"}},
		{"back: the first of each", "Europe/Berlin", "*/30 2 * * *", "2026-10-24T12:00:00Z", []string{"10-25T02:00+02:00", "10-25T02:30+02:00", "10-26T02:00+01:00"}},
		{"back: every hour goes on", "Europe/Berlin", "*/30 * * * *", "2026-10-24T23:59:00Z", []string{"10-25T02:00+02:00", "10-25T02:30+02:00", "10-25T02:00+01:00", "10-25T02:30+01:00", "10-25T03:00+01:00"}},
		{"forward: every hour goes on", "Europe/Berlin", "*/30 * * * *", "2026-03-29T00:20:00Z", []string{"03-29T01:30+01:00", "03-29T03:00+02:00", "03-29T03:30+02:00"}},
		{"forward: every hour, not at the change", "Europe/Berlin", "15 * * * *", "2026-03-29T00:20:00Z", []string{"03-29T03:15+02:00"}},
		{"a midnight that does not exist", "America/Santiago", "0 0 * * *", "2026-09-05T12:00:00Z", []string{"09-06T01:00-03:00", "09-07T00:00-03:00"}},
		{"half an hour forward", "Australia/Lord_Howe", "15 2 * * *", "2026-10-03T00:00:00Z", []string{"10-04T02:30+11:00", "10-05T02:15+11:00"}},
		{"half an hour back", "Australia/Lord_Howe", "45 1 * * *", "2026-04-04T00:00:00Z", []string{"04-05T01:45+11:00", "04-06T01:45+10:30"}},
		{"half an hour back, every hour", "Australia/Lord_Howe", "45 * * * *", "2026-04-04T14:30:00Z", []string{"04-05T01:45+11:00", "04-05T01:45+10:30", "04-05T02:45+10:30"}},
		{"a day that does not exist", "Pacific/Apia", "0 9 * * *", "2011-12-29T12:00:00Z", []string{"12-29T09:00-10:00", "12-31T00:00+14:00", "12-31T09:00+14:00"}},
		{"Sunday is 0 and 7", "UTC", "0 0 * * 7", "2026-01-01T00:00:00Z", []string{"01-04T00:00+00:00"}},
		{"years without any", "Australia/Lord_Howe", "59 * * 2 MON#5", "2026-11-24T12:00:00Z", []string{"02-29T00:59+11:00", "02-29T01:59+11:00"}},
		{"the end of 2040", "Europe/Berlin", "59 * 1 1 *", "2040-12-31T00:00:00Z", []string{"01-01T00:59+01:00", "01-01T01:59+01:00"}},
		{"either day", "UTC", "0 0 13 * 5", "2026-01-01T00:00:00Z", []string{"01-02T00:00+00:00", "01-09T00:00+00:00", "01-13T00:00+00:00"}},
	} {
		e := parse(t, tc.expression, tc.zone)
		at, err := time.Parse(time.RFC3339, tc.from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range tc.want {
			at = e.Next(at)
			got = append(got, at.In(e.zone).Format("01-02T15:04-07:00"))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %s\ngot  %s\nwant %s", tc.name, tc.expression, got, tc.want)
		}
	}
}

// TestNextIsEachMinuteThatMatches compares a year in three zones with all its minutes.
func TestNextIsEachMinuteThatMatches(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		every, daily := parse(t, "10,40 * * * *", zone), parse(t, "10,40 2 * * *", zone)
		nextEvery, nextDaily := every.Next(begin), daily.Next(begin)
		days := 0
		for at := begin.Add(time.Minute); at.Year() == 2026; at = at.Add(time.Minute) {
			local := at.In(every.zone)
			matches := local.Minute() == 10 || local.Minute() == 40
			if got := at.Equal(nextEvery); got != matches {
				t.Fatalf("%s: every hour at %s: %v", zone, local, got)
			} else if got {
				nextEvery = every.Next(at)
			}
			if at.Equal(nextDaily) {
				nextDaily = daily.Next(at)
				days++
			} else if nextDaily.Before(at) {
				t.Fatalf("%s: the next time after %s is before it: %s", zone, local, nextDaily)
			}
		}
		// Of the change forward there is one run instead of two, on Lord Howe one of each.
		if days < 2*365-2 || days > 2*365 {
			t.Errorf("%s: %d runs of two a day in a year", zone, days)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, expression := range []string{"", "x", "* * * *", "* * * * * *", "61 * * * *", "* 25 * * *", "* * 0 * *", "@reboot", "@every 5m"} {
		if _, err := Parse(expression, time.UTC); err == nil {
			t.Errorf("%q was accepted", expression)
		}
	}
	if e := parse(t, "0 0 30 2 *", "UTC"); !e.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		t.Error("there is a 30 February")
	}
	for _, zone := range []string{"", "Local", "Europe/Nowhere", "../../etc/passwd"} {
		if _, err := LoadZone(zone); err == nil {
			t.Errorf("the zone %q was accepted", zone)
		}
	}
}

func TestParseErrorTexts(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"5":         "it has 1 field, not minute",
		"* * * *":   "it has 4 fields, not minute",
		"@every 5m": "@every 5m is not one of @hourly, @daily, @weekly, @monthly and @yearly",
	} {
		if _, err := Parse(expression, time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", expression, err, want)
		}
	}
}

// TestBackwardRanges: cronexpr takes them for empty fields, which make Next panic or search
// for seconds.
func TestBackwardRanges(t *testing.T) {
	for _, expression := range []string{"5-1 * * * */1", "0 22-2 * * *", "0 0 20-10 * *", "* * * 5-1 *", "0 0 1 nov-february *", "0 0 * * FRI-MON", "0 0 * * 5-7", "0 1,22-2/2 * * *"} {
		if _, err := Parse(expression, time.UTC); err == nil || !strings.Contains(err.Error(), "runs backwards") {
			t.Errorf("%s: %v", expression, err)
		}
	}
	for _, expression := range []string{"0 22-23,0-2 * * *", "0 0 * jan-DEC mon-Friday", "5-5 * * * 0-6", "0 0 L * 7-3", "0 0 LW * 5L"} {
		if _, err := Parse(expression, time.UTC); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}
