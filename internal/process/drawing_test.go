package process

import (
	"bytes"
	"strings"
	"testing"
)

// What consoles draw becomes text that can follow other text, however it is cut.
func TestDrawing(t *testing.T) {
	t.Parallel()
	const begin = "\x1b[?9001h\x1b[?1004h\x1b[?25l\x1b[2J\x1b[m\x1b[H"
	for name, c := range map[string]struct{ drawn, want, answers string }{
		"start":                     {begin + "hello\r\n\x1b]0;C:\\cmd.exe\a\x1b[?25h", "\x1b[?25l\x1b[mhello\r\n\x1b[?25h", ""},
		"end":                       {"hello\x1b[?9001l\x1b[?1004l", "hello", ""},
		"other modes":               {"\x1b[?1049hhello", "\x1b[?1049hhello", ""},
		"colors":                    {begin + "\x1b[31mred\x1b[m\r\n", "\x1b[?25l\x1b[m\x1b[31mred\x1b[m\r\n", ""},
		"where it is":               {"one\r\n\x1b[2;1Htwo", "one\r\ntwo", ""},
		"an empty line":             {"one\x1b[3;1Hthree", "one\r\n\r\nthree", ""},
		"a line that is indented":   {"one\x1b[2;5Htwo", "one\r\n    two", ""},
		"over what is there":        {"one\r\ntwo\x1b[1;1H\x1b[2;3Hx", "one\r\ntwo\x1b[1A\r\r\n\x1b[3Gx", ""},
		"the same line":             {"10%\x1b[1;1H20%\x1b[1;3H.", "10%\r20%\x1b[3G.", ""},
		"up":                        {"a\r\nb\r\n\x1b[1;2Hc", "a\r\nb\r\n\x1b[2A\x1b[2Gc", ""},
		"spaces":                    {"a\x1b[3X\x1b[3Cb", "a\x1b[3X   b", ""},
		"moves":                     {"ab\x1b[1D\x1b[2B\x1b[3Gx", "ab\x1b[2G\r\n\r\n \x1b[3Gx", ""},
		"below the screen":          {"1\r\n2\r\n3\r\n4\r\n5\x1b[4;1Hx", "1\r\n2\r\n3\r\n4\r\n5\rx", ""},
		"a line that is too long":   {strings.Repeat("x", 12) + "\x1b[3;1Hy", strings.Repeat("x", 12) + "\r\ny", ""},
		"cleared by a program":      {"a\x1b[2J\x1b[Hb", "a\x1b[2J\rb", ""},
		"characters of many bytes":  {"äöü\x1b[1;4Hx\x1b[1;3Hy", "äöüx\x1b[3Gy", ""},
		"what kind":                 {"\x1b[cx", "x", "\x1b[?61c"},
		"where":                     {"ab\r\nc\x1b[6n", "ab\r\nc", "\x1b[2;2R"},
		"a title that ends by ST":   {"\x1b]0;title\x1b\\x", "x", ""},
		"a link":                    {"\x1b]8;;https://a\x1b\\x", "\x1b]8;;https://a\x1b\\x", ""},
		"another kind of sequence":  {"\x1b(Bx\x1b7y", "\x1b(Bx\x1b7y", ""},
		"numbers out of the screen": {"\x1b[99;99Hx", "\r\n\r\n\r\n         x", ""},
	} {
		for _, size := range []int{len(c.drawn), 1} {
			var out bytes.Buffer
			answers := ""
			d := &drawing{w: &out, answer: func(s string) { answers += s }, rows: 4, columns: 10}
			for rest := []byte(c.drawn); len(rest) > 0; rest = rest[min(size, len(rest)):] {
				if _, err := d.Write(rest[:min(size, len(rest))]); err != nil {
					t.Fatal(err)
				}
			}
			if got := out.String(); got != c.want || answers != c.answers {
				t.Errorf("%s, %d at a time: %q becomes %q, want %q; answers %q, want %q", name, size, c.drawn, got, c.want, answers, c.answers)
			}
		}
	}
}

// A sequence without an end is passed on.
func TestDrawingWithoutEnd(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := &drawing{w: &out, rows: 4, columns: 10}
	text := "\x1b]8;" + strings.Repeat("x", 2*maxSequence)
	if _, err := d.Write([]byte(text)); err != nil || out.String() != text {
		t.Errorf("got %d bytes, %v; want %d", out.Len(), err, len(text))
	}
}
