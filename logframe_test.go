package errand

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

func TestFramesRoundTrip(t *testing.T) {
	frames := []Frame{
		{Stream: System, Offset: 0, Command: -1, Data: []byte("$ make\n")},
		{Stream: Stdout, Offset: 7, Elapsed: 1500 * time.Millisecond, Data: []byte("a\nb 1 2 3 4\n")},
		{Stream: Stderr, Offset: 19, Elapsed: 2 * time.Second, Command: 3, Data: []byte{0, 0xff, '\n'}},
		{Stream: Stdout, Offset: 22, Elapsed: 2 * time.Second, Command: 3, Data: nil},
	}
	var b []byte
	for _, f := range frames {
		b = f.Append(b)
	}
	got, err := ParseFrames(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(frames) {
		t.Fatalf("%d frames, want %d", len(got), len(frames))
	}
	for i, f := range frames {
		g := got[i]
		if g.Stream != f.Stream || g.Offset != f.Offset || g.Elapsed != f.Elapsed || g.Command != f.Command || !bytes.Equal(g.Data, f.Data) {
			t.Errorf("frame %d = %+v, want %+v", i, g, f)
		}
	}
}

func TestDamagedFrames(t *testing.T) {
	whole := Frame{Stream: Stdout, Data: []byte("whole")}.Append(nil)
	for _, bad := range []string{"o 0 5 0 0\nshor", "o 0 5 0 0\nlonger\n", "o 0 -1 0 0\n\n", "o 0 99999999999 0 0\nx\n", "stdout 0 1 0 0\nx\n", "o 0 1 0\nx\n", "no newline"} {
		frames, err := ParseFrames(append(bytes.Clone(whole), bad...))
		if !errors.Is(err, ErrBadFrame) {
			t.Errorf("ParseFrames(… %q) = %v, want ErrBadFrame", bad, err)
		}
		if len(frames) != 1 {
			t.Errorf("before %q, %d frames were read, want 1", bad, len(frames))
		}
	}
}

func FuzzParseFrames(f *testing.F) {
	f.Add([]byte("o 0 5 0 0\nhello\ne 5 0 10 1\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, err := ParseFrames(b)
		var again []byte
		for _, f := range frames {
			again = f.Append(again)
		}
		if reread, err2 := ParseFrames(again); err2 != nil || len(reread) != len(frames) {
			t.Errorf("%d frames (%v) read back as %d (%v)", len(frames), err, len(reread), err2)
		}
	})
}
