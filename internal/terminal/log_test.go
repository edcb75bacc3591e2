package terminal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"testing"
)

func TestNewLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	term := New(io.Discard, &b, os.Getenv)
	log, err := term.NewLog(LogFlags{Format: "json"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("hello")
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || line["msg"] != "hello" {
		t.Errorf("%q, %v", b.String(), err)
	}
	if _, err := term.NewLog(LogFlags{Format: "xml"}); err == nil {
		t.Error("no error for an unknown format")
	}
}

func TestTextLog(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		color bool
		write func(*slog.Logger)
		want  string
	}{
		{"attributes", false, func(l *slog.Logger) { l.With("job", "J1").Info("took job", "attempt", 1) }, "INF took job job=J1 attempt=1\n"},
		{"empty values are left out", false, func(l *slog.Logger) { l.Warn("x", "err", error(nil), "reason", "") }, "WRN x\n"},
		{"lists", false, func(l *slog.Logger) { l.Info("x", "names", []string{"B", "FOO"}) }, "INF x names=B,FOO\n"},
		{"control characters", false, func(l *slog.Logger) { l.Error("x", "err", errors.New("ü \x1b[2J\ufffd")) }, `ERR x err="ü \x1b[2J�"` + "\n"},
		{"control characters on a terminal", true, func(l *slog.Logger) { l.Error("x\x1b[2J", "s", `\x1b`+"\x1b[2J") }, "\x1b[91mERR\x1b[0m x\ufffd[2J \x1b[2ms=\x1b[0m\"" + `\\x1b\x1b[2J"` + "\n"},
		{"below the level", false, func(l *slog.Logger) { l.Debug("x") }, ""},
	} {
		var b bytes.Buffer
		term := New(io.Discard, &b, os.Getenv)
		term.useColor = tt.color
		log, err := term.NewLog(LogFlags{Format: "text"})
		if err != nil {
			t.Fatal(err)
		}
		tt.write(log)
		got := regexp.MustCompile(`^(\x1b\[2m)?\d\d:\d\d:\d\d\.\d{3}(\x1b\[0m)? `).ReplaceAllString(b.String(), "")
		if got != tt.want || tt.want != "" && got == b.String() {
			t.Errorf("%s: %q, want a time and %q", tt.name, b.String(), tt.want)
		}
	}
}
