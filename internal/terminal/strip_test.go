package terminal

import "testing"

func TestPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\n":                              "plain\n",
		"\x1b[1;31mred\x1b[0m\r\n":             "red\n",
		"10%\r20%\r\n":                         "10%\r20%\n",
		"\r\r\n":                               "\r\n",
		"\x1b]0;title\aa\x1b]8;;x\x1b\\b":      "ab",
		"\x1b(Ba\x1b=b\x1b7c\x1b[?25l\x1b[2Kd": "abcd",
		"\x1bPq#0;2;0\x1b\\é€":                 "é€",
		"ends in \x1b[3":                       "ends in ",
	} {
		var whole, parts Plain
		if got := string(whole.Strip([]byte(in))); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		var got []byte
		for _, b := range []byte(in) {
			got = append(got, parts.Strip([]byte{b})...)
		}
		if string(got) != want {
			t.Errorf("%q byte by byte: %q, want %q", in, got, want)
		}
	}
}
