// Package logfmt writes an agent's log lines for people: time, level in
// colour, message, attributes.
//
//	03:31:59.042 INFO  took job  job=01JD… attempt=1
package logfmt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Handler is a slog.Handler. Its time is the record's, in local time.
type Handler struct {
	w     io.Writer
	mu    *sync.Mutex
	level slog.Leveler
	color bool
	attrs []byte // of WithAttrs, formatted
	group string // prefix of names: "a.b."
}

// New returns a handler that writes whole lines to w, with colours if color.
func New(w io.Writer, level slog.Leveler, color bool) *Handler {
	return &Handler{w: w, mu: new(sync.Mutex), level: level, color: color}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// ANSI colours.
const (
	reset  = "\x1b[0m"
	faint  = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
)

// Handle implements slog.Handler.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	b := new(bytes.Buffer)
	if !r.Time.IsZero() {
		b.WriteString(h.paint(faint, r.Time.Local().Format("15:04:05.000")) + " ")
	}
	b.WriteString(h.levelName(r.Level) + " " + r.Message)
	if len(h.attrs) > 0 || r.NumAttrs() > 0 {
		b.WriteByte(' ')
	}
	b.Write(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		h.attr(b, h.group, a)
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(b.Bytes())
	return err
}

func (h *Handler) levelName(l slog.Level) string {
	name, color := l.String(), green
	switch {
	case l >= slog.LevelError:
		color = red
	case l >= slog.LevelWarn:
		color = yellow
	case l < slog.LevelInfo:
		color = blue
	}
	return h.paint(color, fmt.Sprintf("%-5s", name))
}

func (h *Handler) paint(color, s string) string {
	if !h.color {
		return s
	}
	return color + s + reset
}

// attr writes " name=value"; empty values are left out.
func (h *Handler) attr(b *bytes.Buffer, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, g := range v.Group() {
			h.attr(b, prefix, g)
		}
		return
	}
	s := valueString(v)
	if a.Key == "" || s == "" {
		return
	}
	b.WriteString(" " + h.paint(faint, prefix+a.Key+"=") + quote(s))
}

func valueString(v slog.Value) string {
	if v.Kind() == slog.KindTime {
		return v.Time().Format(time.RFC3339Nano)
	}
	if v.Kind() == slog.KindAny && v.Any() == nil {
		return ""
	}
	return v.String()
}

// quote quotes what would not be one word, or could write to the terminal more
// than text.
func quote(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || r == '=' || !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	b := bytes.NewBuffer(bytes.Clone(h.attrs))
	for _, a := range attrs {
		h.attr(b, h.group, a)
	}
	c := *h
	c.attrs = b.Bytes()
	return &c
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.group += name + "."
	return &c
}
