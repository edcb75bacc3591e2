//go:build unix

package project

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSelectReadsNoPipe: also git waits for a pipe's writer, until it is interrupted.
func TestSelectReadsNoPipe(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"a": ""})
	for _, name := range []string{"pipe", ".gitignore"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := choose(t, dir, Options{})
	expect(t, s, "a")
	if told := s.Notes; len(told) != 3 || !strings.Contains(told[2].String(), `"pipe" is left out: it is a socket, a pipe or a device`) {
		t.Errorf("notes: %v", told)
	}
	git(t, dir, "init", "-q")
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(interrupted)
	if _, err := Select(ctx, dir, Options{}); !errors.Is(err, interrupted) {
		t.Errorf("got %v", err)
	}
}
