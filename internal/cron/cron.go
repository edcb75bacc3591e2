// Package cron says at which times a cron expression starts something in a time zone.
//
// A time that the clocks skip when they go forward is replaced by the moment of the change;
// several skipped times are one. Of a time that there is twice when they go back, the
// first counts. An expression that says every hour, as "*/15 * * * *" does, is not about
// times of the day: it goes on in each hour that passes.
package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // Lambda's and Windows' machines have none

	"github.com/hashicorp/cronexpr"
)

// An Expression is a parsed cron expression in a time zone.
type Expression struct {
	wall      *cronexpr.Expression // asked in UTC alone, for times as clocks on a wall show them
	zone      *time.Location
	everyHour bool
}

// macros are the names of expressions.
var macros = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// Parse reads an expression of five fields (minute, hour, day of the month, month, day of
// the week), or a macro like @daily.
func Parse(expression string, zone *time.Location) (*Expression, error) {
	text := strings.TrimSpace(expression)
	if m, ok := macros[text]; ok {
		text = m
	}
	fields := strings.Fields(text)
	switch {
	case strings.HasPrefix(text, "@"):
		return nil, fmt.Errorf("%s is not one of @hourly, @daily, @weekly, @monthly and @yearly", text)
	case len(fields) == 1:
		return nil, errors.New("it has 1 field, not minute, hour, day of the month, month and day of the week")
	case len(fields) != 5:
		return nil, fmt.Errorf("it has %d fields, not minute, hour, day of the month, month and day of the week", len(fields))
	}
	if err := checkRanges(fields); err != nil {
		return nil, err
	}
	wall, err := cronexpr.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	return &Expression{wall: wall, zone: zone, everyHour: fields[1] == "*" || fields[1] == "*/1"}, nil
}

// checkRanges refuses ranges that run backwards: of those, cronexpr makes fields without a
// value, for which Next panics or searches very long.
func checkRanges(fields []string) error {
	for i, field := range fields {
		for entry := range strings.SplitSeq(field, ",") {
			span, _, _ := strings.Cut(entry, "/")
			first, last, isRange := strings.Cut(span, "-")
			a, okA := valueOf(i, first)
			b, okB := valueOf(i, last)
			if isRange && okA && okB && a > b {
				return fmt.Errorf("the range %s runs backwards; write two, as 22-23,0-2 for 22-2 (days of the week are 0, Sunday, to 6)", span)
			}
		}
	}
	return nil
}

// names are those of the values of fields, of which three letters count.
var names = map[int]map[string]int{
	3: {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12},
	4: {"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6, "7": 0, "07": 0},
}

// valueOf returns the number that a text stands for in a field. ok is false if it is
// something else, such as L.
func valueOf(field int, text string) (n int, ok bool) {
	text = strings.ToLower(text)
	if n, ok = names[field][text[:min(3, len(text))]]; ok {
		return n, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// LoadZone returns the time zone with an IANA name.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not the name of a time zone", name)
	}
	return time.LoadLocation(name)
}

// Next returns the first time after t, in UTC; the zero time if there is none.
func (e *Expression) Next(t time.Time) time.Time {
	if e.everyHour {
		return e.nextPassing(t)
	}
	for wall := wallOf(t.In(e.zone)); ; {
		wall = e.wall.Next(wall)
		if wall.IsZero() {
			return wall
		}
		// A time that the clocks show again is not after t.
		if at := e.instant(wall); at.After(t) {
			return at
		}
	}
}

// nearby is more than clocks change at once, twice.
const nearby = 72 * time.Hour

// nextPassing is Next for an expression that says every hour.
func (e *Expression) nextPassing(t time.Time) time.Time {
	for at := t.In(e.zone); ; {
		_, offset := at.Zone()
		wall := e.wall.Next(wallOf(at))
		if wall.IsZero() {
			return wall
		}
		next := wall.Add(-time.Duration(offset) * time.Second)
		_, end := at.ZoneBounds()
		if !end.IsZero() && !end.After(at) { // package time says so on 31 December 2040
			end = at.Add(time.Hour)
		}
		if end.IsZero() || next.Before(end) {
			return next
		}
		first := e.wall.Next(wallOf(end).Add(-time.Second))
		if _, after := end.Zone(); first.Equal(wallOf(end)) {
			return wallOf(end).Add(-time.Duration(after) * time.Second)
		}
		at = end
		// Nothing comes in the years before: each search through them takes long.
		if near := next.Add(-nearby); first.Equal(wall) && near.After(end) {
			at = near.In(e.zone)
		}
	}
}

// wallOf returns the time that clocks show at t in its zone, as if it were UTC.
func wallOf(t time.Time) time.Time {
	_, offset := t.Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instant returns when clocks in the zone first show the time, or jump over it.
func (e *Expression) instant(wall time.Time) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, e.zone)
	start, end := at.ZoneBounds()
	switch shown := wallOf(at); {
	case shown.After(wall): // skipped, and counted by the zone before the change
		return start.UTC()
	case shown.Before(wall):
		return end.UTC()
	case start.IsZero():
		return at.UTC()
	}
	_, before := start.Add(-time.Nanosecond).Zone()
	if first := wall.Add(-time.Duration(before) * time.Second); first.Before(start) {
		return first
	}
	return at.UTC()
}
