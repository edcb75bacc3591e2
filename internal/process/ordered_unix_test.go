//go:build unix

package process

import (
	"io"
	"os"
	"testing"
)

// Two pipes are read in the order of writing, and if both are readable alternately.
func TestOrdered(t *testing.T) {
	t.Parallel()
	var r, w [2]*os.File
	for i := range r {
		var err error
		if r[i], w[i], err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
		defer r[i].Close()
	}
	write := func(i int, s string) {
		if _, err := io.WriteString(w[i], s); err != nil {
			t.Error(err)
		}
	}
	o, err := newOrdered(r)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	write(1, "b")
	write(0, "a")
	got, rest := "", "11010010"
	o.read(func(i int, b []byte) {
		got += string(b)
		if len(got) < 2 {
			return
		}
		if rest == "" {
			w[0].Close()
			w[1].Close()
			return
		}
		write(int(rest[0]-'0'), rest[:1])
		rest = rest[1:]
	})
	if got != "ab11010010" {
		t.Errorf("read %q", got)
	}
}

// A process that keeps a pipe open doesn't keep read from being stopped.
func TestOrderedIsStopped(t *testing.T) {
	t.Parallel()
	r, _ := newPipes(t)
	o, err := newOrdered(r)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.read(func(int, []byte) { t.Error("read something") })
	}()
	o.stop()
	<-done
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		out, err string
		last     int
		want     string
	}{
		{"a", "", 1, "a"},
		{"", "b", 1, "b"},
		{"a\n", "b\n", 1, "a\nb\n"},
		{"a\n", "b\n", 0, "b\na\n"},
		{"1\n3\n5\n", "2\n4\n6\n", 1, "1\n2\n3\n4\n5\n6\n"},
		{"1\n3\n5\n", "2\n4\n", 1, "1\n2\n3\n4\n5\n"},
		{"2\n4\n", "1\n3\n5", 0, "1\n2\n3\n4\n5"},
		{"a\nb\nc\nd\n", "it failed\n", 1, "a\nb\nc\nd\nit failed\n"},
	} {
		got := ""
		deliver([2][]byte{[]byte(tt.out), []byte(tt.err)}, tt.last, func(_ int, b []byte) { got += string(b) })
		if got != tt.want {
			t.Errorf("%q and %q after %d: %q, want %q", tt.out, tt.err, tt.last, got, tt.want)
		}
	}
}

// A process that writes all the time doesn't hold up drain: the next command begins, and
// a cancelled one ends.
func TestDrainOfEndlessOutput(t *testing.T) {
	t.Parallel()
	r, w := newPipes(t)
	o, err := newOrdered(r)
	if err != nil {
		t.Fatal(err)
	}
	defer o.close()
	more := make([]byte, 32<<10)
	write := func() {
		if _, err := w[0].Write(more); err != nil {
			t.Error(err)
		}
	}
	write()
	o.drain()
	total := 0
	o.read(func(_ int, b []byte) {
		total += len(b)
		switch {
		case len(o.drained) > 0:
			o.stop()
		case total > 8<<20:
			t.Error("it reads on and on")
			w[0].Close()
			w[1].Close()
			return
		}
		write()
	})
}

// newPipes returns the ends of two pipes, which are closed with the test.
func newPipes(t *testing.T) (r, w [2]*os.File) {
	t.Helper()
	for i := range r {
		var err error
		if r[i], w[i], err = os.Pipe(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = r[i].Close(), w[i].Close() })
	}
	return r, w
}
