package output

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/errandhq/errand"
)

// A stream's head, tail, length and hash don't depend on how it is split into
// writes.
func TestCapture(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := New()
		var all []byte
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 6000), 0, 12).Draw(t, "writes") {
			piece := bytes.Repeat([]byte{byte('a' + n%26)}, n)
			all = append(all, piece...)
			if _, err := c.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		o := c.Output()
		sum := sha256.Sum256(all)
		if o.Bytes != int64(len(all)) || o.SHA256 != hex.EncodeToString(sum[:]) {
			t.Fatalf("%d bytes %s", o.Bytes, o.SHA256)
		}
		head := all[:min(len(all), errand.OutputHeadBytes)]
		tail := all[len(head):]
		tail = tail[max(0, len(tail)-errand.OutputTailBytes):]
		if !bytes.Equal(o.Head, head) || !bytes.Equal(o.Tail, tail) {
			t.Fatalf("head of %d, tail of %d bytes; want %d, %d", len(o.Head), len(o.Tail), len(head), len(tail))
		}
	})
}

// The limits never split a character.
func TestCaptureKeepsCharactersWhole(t *testing.T) {
	t.Parallel()
	for pad := range 4 {
		for _, n := range []int{100, 2000, 2800, 9000} {
			text := strings.Repeat("x", pad) + strings.Repeat("€", n)
			c := New()
			_, _ = c.Write([]byte(text))
			o := c.Output()
			if !utf8.Valid(o.Head) || !utf8.Valid(o.Tail) || !strings.HasPrefix(text, string(o.Head)) || !strings.HasSuffix(text, string(o.Tail)) {
				t.Errorf("pad %d, n %d: head or tail is no text", pad, n)
			}
			if len(text) <= 2*errand.OutputHeadBytes-4 && string(o.Head)+string(o.Tail) != text {
				t.Errorf("pad %d, n %d: %d of %d bytes", pad, n, len(o.Head)+len(o.Tail), len(text))
			}
		}
	}
}

func TestTrim(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		commands int
		piece    string
	}{{1, "\x01"}, {20, "\x01"}, {300, "x"}, {errand.MaxCommands, "\x01"}, {errand.MaxCommands, "\xff"}} {
		r := errand.Result{Log: errand.Log{Tail: make([]byte, errand.LogTailBytes)}}
		for range tt.commands {
			c := [2]*Capture{New(), New()}
			for i := range c {
				_, _ = c[i].Write([]byte(strings.Repeat(tt.piece, 20_000)))
			}
			r.Commands = append(r.Commands, errand.CommandResult{Stdout: c[0].Output(), Stderr: c[1].Output()})
		}
		Trim(&r, errand.MaxResultBytes)
		b, err := json.Marshal(r)
		if err != nil || len(b) > errand.MaxResultBytes {
			t.Errorf("%d commands: %d bytes, %v", tt.commands, len(b), err)
		}
		if r.Commands[0].Stdout.Bytes != 20_000 || !r.Commands[0].Stdout.Truncated() {
			t.Errorf("%d commands: stdout %d bytes", tt.commands, r.Commands[0].Stdout.Bytes)
		}
	}
}
