package logfmt_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/errandhq/errand/agent/internal/logfmt"
)

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  func(*slog.Logger)
		want string
	}{
		{"plain", func(l *slog.Logger) { l.Info("took job", "job", "J1", "attempt", 1) }, "INFO  took job  job=J1 attempt=1\n"},
		{"nothing to add", func(l *slog.Logger) { l.Warn("draining") }, "WARN  draining\n"},
		{"quoted", func(l *slog.Logger) { l.Error("x", "err", errors.New("a b\x1b[2J"), "none", error(nil), "empty", "") }, `ERROR x  err="a b\x1b[2J"` + "\n"},
		{"groups", func(l *slog.Logger) {
			l.With("a", 1).WithGroup("g").With("b", 2).Info("x", slog.Group("h", "c", time.Second))
		}, "INFO  x  a=1 g.b=2 g.h.c=1s\n"},
		{"below the level", func(l *slog.Logger) { l.Debug("x") }, ""},
	} {
		var b bytes.Buffer
		tt.say(slog.New(logfmt.New(&b, slog.LevelInfo, false)))
		got := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} `).ReplaceAllString(b.String(), "")
		if got != tt.want || tt.want != "" && got == b.String() {
			t.Errorf("%s: %q, want a time and %q", tt.name, b.String(), tt.want)
		}
	}
}

func TestColour(t *testing.T) {
	var b bytes.Buffer
	h := logfmt.New(&b, slog.LevelInfo, true)
	if err := h.Handle(context.Background(), slog.NewRecord(time.Time{}, slog.LevelError, "x", 0)); err != nil || b.String() != "\x1b[31mERROR\x1b[0m x\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
