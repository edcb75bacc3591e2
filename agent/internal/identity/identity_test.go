package identity_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/identity"
)

func TestIdentityIsKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data")
	first, err := identity.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(errand.WorkerPattern).MatchString(first.WorkerID) || !regexp.MustCompile(errand.WorkerTokenPattern).MatchString(first.Token) {
		t.Errorf("made %+v", first)
	}
	if _, err := identity.Open(dir, ""); !errors.Is(err, identity.ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	first.Close()
	again, err := identity.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.WorkerID != first.WorkerID || again.Token != first.Token {
		t.Errorf("became another worker: %+v, was %+v", again, first)
	}
	info, err := os.Stat(filepath.Join(dir, "identity.json"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestDamagedIdentityIsNotReplaced(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "{", "{}", `{"workerId":"w-12345678"}`, "\x00\x00\x00\x00",
		`{"workerId":"w-12345678","token":"a"}`, `{"workerId":"w-12345678","token":"erw_w-12345678.short"}`,
		`{"workerId":"w-12345678","token":"erw_w-87654321.0123456789012345678901234567890123456789"}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "identity.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		id, err := identity.Open(dir, "")
		if err == nil {
			id.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "identity.json is damaged") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// A chosen ID replaces another worker's only until it is registered.
func TestChosenID(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, want := range []bool{true, true, false} {
		id, err := identity.Open(dir, "box-3")
		if err != nil {
			t.Fatal(err)
		}
		worker, _ := errand.WorkerOfToken(id.Token)
		if id.WorkerID != "box-3" || worker != "box-3" || id.Replace != want {
			t.Errorf("got %+v, want Replace %v", id, want)
		}
		if i == 1 {
			err = id.SetRegistered()
		}
		id.Close()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenWaits: the lock of a process that is about to end, or to become another
// program, is waited for.
func TestOpenWaits(t *testing.T) {
	dir := t.TempDir()
	first, err := identity.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() {
		second, err := identity.Open(dir, "")
		if err == nil {
			second.Close()
		}
		opened <- err
	}()
	time.Sleep(5 * time.Millisecond) // the second one usually waits by now
	first.Close()
	if err := <-opened; err != nil {
		t.Error(err)
	}
}
