package spool_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/spool"
)

func TestReadBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	path := filepath.Join(t.TempDir(), "log")
	s, err := spool.Create(path, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	long := bytes.Repeat([]byte("x\n 5\n"), 30_000) // looks like headers, and is three frames long
	now = now.Add(1500 * time.Millisecond)
	for _, w := range []struct {
		stream  errand.Stream
		command int
		data    []byte
	}{{errand.System, 0, []byte("$ make\n")}, {errand.Stdout, 0, long}, {errand.Stderr, 1, []byte("\xff\x00")}} {
		if _, err := s.Writer(w.stream, w.command).Write(w.data); err != nil {
			t.Fatal(err)
		}
	}
	want := append(append([]byte("$ make\n"), long...), 0xff, 0)
	sum := sha256.Sum256(want)
	if l := s.Log(); l.Bytes != int64(len(want)) || l.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("log %+v", l)
	}
	select {
	case <-s.Grown():
	default:
		t.Error("nobody was told that it grew")
	}
	r, err := spool.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.SetEnd(s.End())
	for _, limit := range []int{errand.MaxFrameBytes + 100, 100_000, 1 << 20} {
		readAll(t, r, limit, want)
	}
}

// readAll reads the spool in pieces and checks that they are frames without a gap.
func readAll(t *testing.T, s *spool.Reader, limit int, want []byte) {
	t.Helper()
	var got []byte
	for at := (spool.Pos{}); at != s.End(); {
		b, next, err := s.Read(at, s.End(), limit)
		if err != nil {
			t.Fatal(err)
		}
		frames, err := errand.ParseFrames(b)
		if err != nil || len(b) > limit {
			t.Fatalf("limit %d: piece of %d bytes: %v", limit, len(b), err)
		}
		for _, f := range frames {
			if f.Offset != int64(len(got)) || f.Elapsed != 1500*time.Millisecond {
				t.Fatalf("limit %d: frame %c at %d after %v, want offset %d", limit, f.Stream, f.Offset, f.Elapsed, len(got))
			}
			got = append(got, f.Data...)
		}
		if next.Log != int64(len(got)) {
			t.Fatalf("limit %d: the piece ends at %d, not %d", limit, next.Log, len(got))
		}
		at = next
	}
	if !bytes.Equal(got, want) {
		t.Errorf("limit %d: other bytes came back", limit)
	}
}

// What a command writes byte by byte comes as few frames: those of one stream and command
// within 50 ms, as far as a frame holds them. Read twice, they are the same.
func TestSmallFramesAreJoined(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	path := filepath.Join(t.TempDir(), "log")
	s, err := spool.Create(path, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	write := func(stream errand.Stream, command, n int, after time.Duration) {
		now = now.Add(after)
		for range n {
			if err := s.Write(stream, command, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(errand.Stdout, 0, 1000, 0)
	write(errand.Stdout, 0, 1000, 49*time.Millisecond)
	write(errand.Stdout, 0, 10, time.Millisecond)
	write(errand.Stderr, 0, 5, 0)
	write(errand.Stdout, 0, 3, 0)
	write(errand.Stdout, 1, errand.MaxFrameBytes+1, 0)
	r, err := spool.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, at, err := r.Read(spool.Pos{}, s.End(), 10<<20)
	again, _, _ := r.Read(spool.Pos{}, s.End(), 10<<20)
	if err != nil || at != s.End() || !bytes.Equal(b, again) {
		t.Fatalf("read to %+v, %v, want %+v; the same again: %v", at, err, s.End(), bytes.Equal(b, again))
	}
	frames, err := errand.ParseFrames(b)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, f := range frames {
		sizes = append(sizes, len(f.Data))
	}
	if want := []int{2000, 10, 5, 3, errand.MaxFrameBytes, 1}; !slices.Equal(sizes, want) {
		t.Errorf("frames of %v bytes, want %v", sizes, want)
	}
	if f := frames[1]; f.Elapsed != 50*time.Millisecond || f.Offset != 2000 {
		t.Errorf("a frame at %d after %v, want 2000 and 50ms", f.Offset, f.Elapsed)
	}
}

func TestFailedWriteStays(t *testing.T) {
	t.Parallel()
	s, err := spool.Create(filepath.Join(t.TempDir(), "log"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := s.Write(errand.Stdout, 0, []byte("x")); err == nil {
		t.Fatal("wrote to a closed file")
	}
	if l := s.Log(); l.Bytes != 0 {
		t.Errorf("counts what isn't there: %+v", l)
	}
}

// The writer was killed within a write: the log ends after the last whole frame.
func TestScan(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	s, err := spool.Create(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte("a line\n"), 500_000)
	if err := s.Write(errand.Stdout, 0, long); err != nil {
		t.Fatal(err)
	}
	want, end := s.Log(), s.End()
	if err := s.Write(errand.Stderr, 0, []byte("cut off")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for cut := s.End().File - 1; cut >= end.File; cut-- {
		r := open(t, path, cut)
		if got, err := r.Scan(); err != nil || got.Bytes != want.Bytes || got.SHA256 != want.SHA256 || r.End() != end {
			t.Errorf("cut at %d: %+v to %+v, %v; want %+v to %+v", cut, got, r.End(), err, want, end)
		}
	}
}

// open opens the log for reading, cut to a length.
func open(t *testing.T, path string, length int64) *spool.Reader {
	t.Helper()
	if err := os.Truncate(path, length); err != nil {
		t.Fatal(err)
	}
	r, err := spool.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}
