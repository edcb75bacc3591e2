package terminal

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// DurationVar adds a flag whose value is a duration as ParseDuration reads it.
func DurationVar(fl *pflag.FlagSet, d *time.Duration, name string, value time.Duration, usage string) {
	*d = value
	fl.Var((*duration)(d), name, usage)
}

type duration time.Duration

func (d *duration) Type() string { return "duration" }

// String is empty for 0, so that the help shows no default.
func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return FormatExactDuration(time.Duration(*d))
}

func (d *duration) Set(s string) error {
	parsed, err := ParseDuration(s)
	*d = duration(parsed)
	return err
}

var (
	secondsRE = regexp.MustCompile(`^\d+$`)
	daysRE    = regexp.MustCompile(`^(\d{1,5})d(.*)$`)
)

// ParseDuration parses a number of seconds, like 90, or a duration with units from ns to
// h, as time.ParseDuration does, which may begin with days: 5m, 1h30m, 1d, 1d12h.
func ParseDuration(s string) (time.Duration, error) {
	if secondsRE.MatchString(s) {
		s += "s"
	}
	m := daysRE.FindStringSubmatch(s)
	if m == nil {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, errDuration(s)
		}
		return d, nil
	}
	days, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, errDuration(s)
	}
	d := time.Duration(days) * 24 * time.Hour
	if m[2] == "" {
		return d, nil
	}
	rest, err := time.ParseDuration(m[2])
	if err != nil || strings.HasPrefix(m[2], "-") || strings.HasPrefix(m[2], "+") {
		return 0, errDuration(s)
	}
	return d + rest, nil
}

func errDuration(s string) error {
	return fmt.Errorf("must be a duration like 90s, 10m or 1d, got %q", s)
}

// FormatExactDuration formats d without loss, as ParseDuration reads it and without units
// that are zero: 14d, 1h30m, 1.5s.
func FormatExactDuration(d time.Duration) string {
	if d < time.Second {
		return d.String()
	}
	days, rest := d/(24*time.Hour), d%(24*time.Hour)
	s := rest.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	switch {
	case days == 0:
		return s
	case rest == 0:
		return fmt.Sprintf("%dd", days)
	}
	return fmt.Sprintf("%dd%s", days, s)
}
