package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/errandhq/errand"
)

// params are a request's query parameters. Its methods keep the first thing
// that is wrong in err.
type params struct {
	values map[string]string
	err    error
}

// maxParamBytes bounds one value: the longest are cursors.
const maxParamBytes = 2048

// parseParams reads a query strictly: each parameter known, at most once, and
// well-formed.
func parseParams(raw string, known []string) (*params, error) {
	p := &params{values: map[string]string{}}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, err := parsePair(pair)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(known, name) {
			return nil, errand.InvalidField(cut(name), "unknown query parameter %q", cut(name))
		}
		if _, ok := p.values[name]; ok {
			return nil, errand.InvalidField(name, "%s is given more than once", name)
		}
		p.values[name] = value
	}
	return p, nil
}

func parsePair(pair string) (name, value string, err error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	if name, err = url.QueryUnescape(rawName); err != nil || !utf8.ValidString(name) {
		return "", "", errand.InvalidField("query", "the query holds a parameter whose name isn't well-formed")
	}
	value, err = url.QueryUnescape(rawValue)
	if err != nil || !utf8.ValidString(value) || strings.Contains(rawValue, ";") {
		return "", "", errand.InvalidField(cut(name), "%s isn't well-formed: encode it", cut(name))
	}
	if len(value) > maxParamBytes {
		return "", "", errand.InvalidField(cut(name), "%s is longer than %d bytes", cut(name), maxParamBytes)
	}
	return name, value, nil
}

func (p *params) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// text is a parameter that may be left out.
func (p *params) text(name string) string { return p.values[name] }

// flag is true, false or left out.
func (p *params) flag(name string) bool {
	switch p.values[name] {
	case "true":
		return true
	case "", "false":
	default:
		p.fail(errand.InvalidField(name, "%s must be true or false", name))
	}
	return false
}

// need is one that may not.
func (p *params) need(name string) string {
	v := p.values[name]
	if v == "" {
		p.fail(errand.InvalidField(name, "the query parameter %s is missing", name))
	}
	return v
}

// time is in RFC 3339; zero if it is left out.
func (p *params) time(name string) time.Time {
	v := p.values[name]
	if v == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, v)
	if err != nil {
		p.fail(errand.InvalidField(name, "%s must be a time like 2026-01-31T15:04:05Z, not %q", name, cut(v)))
	}
	return t
}

// number is a whole number from lo to hi; absent if it is left out.
func (p *params) number(name string, lo, hi, absent int64) int64 {
	v := p.values[name]
	if v == "" {
		return absent
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || v[0] == '+' || n < lo || n > hi {
		p.fail(errand.InvalidField(name, "%s must be a whole number from %d to %d, not %q", name, lo, hi, cut(v)))
		return absent
	}
	return n
}
