package engine_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newFrame(t *testing.T, c engine.Config) *engine.Frame {
	t.Helper()
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Store = store
	f := engine.New("test", 't', c)
	t.Cleanup(func() {
		f.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestPassKeepsItsSchedule(t *testing.T) {
	c := clock.NewManual(start)
	ended := make(chan error)
	var lines []string
	f := newFrame(t, engine.Config{
		Clock:     c,
		Logf:      func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) },
		PassEnded: func(_ string, err error) { ended <- err },
	})
	broken := errors.New("disk on fire")
	runs := 0
	wake := f.StartPass("sweep", engine.Every(time.Minute), func() error {
		runs++
		if runs == 2 {
			return broken
		}
		return nil
	})
	c.Advance(59 * time.Second)
	select {
	case <-ended:
		t.Fatal("a pass ran early")
	default:
	}
	c.Advance(time.Second)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	wake()
	if err := <-ended; !errors.Is(err, broken) {
		t.Error(err)
	}
	c.Advance(time.Minute)
	<-ended
	if runs != 3 {
		t.Errorf("%d passes ran, want 3", runs)
	}
	if len(lines) != 1 || lines[0] != "test: sweep: disk on fire" {
		t.Errorf("logged %q", lines)
	}
}

func TestCloseWaits(t *testing.T) {
	f := newFrame(t, engine.Config{})
	if !f.Enter() {
		t.Fatal("an open engine refuses an operation")
	}
	worked := make(chan struct{})
	f.Go(func() { <-f.Closing(); close(worked) })
	var left atomic.Bool
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		f.Close()
		if !left.Load() {
			t.Error("closed during an operation")
		}
	}()
	<-f.Closing()
	for f.Enter() { // the gate closes right behind
		f.Leave()
	}
	left.Store(true)
	f.Leave()
	<-closed
	<-worked
	f.Close()
}

func TestAnswerLogsServerErrors(t *testing.T) {
	var lines []string
	f := newFrame(t, engine.Config{Logf: func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }})
	internal := awswire.Errorf(500, "InternalError", "We failed.")
	failure := errors.New("the disk failed")
	for _, c := range []struct {
		err  error
		code string
		line string
	}{
		{awswire.Errorf(400, "NoSuchThing", "There is none."), "NoSuchThing", ""},
		{failure, "InternalError", "test: Put: 500 InternalError: the disk failed"},
		{fmt.Errorf("put: %w", &awswire.Error{Status: 503, Code: "Busy", Message: "Later.", Cause: failure}), "Busy", "test: Put: 503 Busy: the disk failed"},
	} {
		lines = nil
		if answer := f.Answer("Put", c.err, internal); answer.Code != c.code {
			t.Errorf("%v is answered with %v", c.err, answer)
		}
		if got := fmt.Sprint(lines); c.line == "" && lines != nil || c.line != "" && got != "["+c.line+"]" {
			t.Errorf("%v logs %s", c.err, got)
		}
	}
}

func TestRecover(t *testing.T) {
	call := func(v any) (err error) {
		defer engine.Recover(&err)
		if v != nil {
			panic(v)
		}
		return nil
	}
	if err := call(nil); err != nil {
		t.Errorf("without a panic: %v", err)
	}
	if err := call("out of range"); err == nil || !strings.Contains(err.Error(), "panic: out of range\n") || !strings.Contains(err.Error(), "engine_test.go:") {
		t.Errorf("of a panic: %v, without its value and its stack", err)
	}
	defer func() {
		if v := recover(); v != any(http.ErrAbortHandler) {
			t.Errorf("of ErrAbortHandler: %v", v)
		}
	}()
	_ = call(http.ErrAbortHandler)
	t.Error("ErrAbortHandler did not go on")
}
