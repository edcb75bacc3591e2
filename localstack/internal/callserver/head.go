package callserver

import (
	"bytes"
	"net/http"
)

const (
	requestLine = "POST / HTTP/1.1\r\n"
	maxHead     = 16 << 10
	maxFields   = 64
)

// A head is a call's head, as offsets into a connection's buffer.
type head struct {
	length int // in bytes, its end included; 0: it isn't whole yet
	body   int // bytes after it, by the length that was read
	next   int // where the line begins that isn't read yet; 0: the first
	sized  bool
	target bool // it has an X-Amz-Target
	host   span

	fields [maxFields]field
	count  int // of fields
}

type field struct{ name, value span }

type span struct{ from, to uint16 }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }

// size is what the call takes; 0: not known before all of the head is there.
func (h *head) size() int {
	if h.length == 0 {
		return 0
	}
	return h.length + h.body
}

// reset makes it one of which nothing is read.
func (h *head) reset() {
	h.length, h.body, h.next, h.count = 0, 0, 0, 0
	h.sized, h.target, h.host = false, false, span{}
}

// parse looks for a call at the beginning of b, which begins with what it was
// called with before. It is strict: what net/http might take in another way, or
// refuse, is foreign, as soon as a line shows it.
func (h *head) parse(b []byte) (outcome int) {
	if h.next == 0 {
		n := min(len(b), len(requestLine))
		if string(b[:n]) != requestLine[:n] {
			return foreign
		}
		if n < len(requestLine) {
			return partial
		}
		h.next = n
	}
	for h.length == 0 {
		if outcome := h.readLine(b); outcome != whole {
			return outcome
		}
	}
	if len(b) < h.size() {
		return partial
	}
	return whole
}

// readLine reads a line after the first: a field, or the end of the head.
func (h *head) readLine(b []byte) (outcome int) {
	n := bytes.IndexByte(b[h.next:], '\n')
	switch {
	case n < 0 && len(b) <= maxHead:
		return partial
	case n < 1 || h.next+n > maxHead || b[h.next+n-1] != '\r':
		return foreign
	case n == 1:
		h.length = h.next + 2
		return isWhole(h.sized && h.target && h.host != (span{}))
	}
	line := h.next
	h.next += n + 1
	return isWhole(h.readField(b, line, h.next-2))
}

func isWhole(ok bool) (outcome int) {
	if ok {
		return whole
	}
	return foreign
}

// readField reads the line from one place to another. It reports whether it may
// be a call's.
func (h *head) readField(b []byte, from, to int) bool {
	if h.count == maxFields {
		return false
	}
	f := &h.fields[h.count]
	h.count++
	if !f.cut(b, from, to) || f.changesFraming(b) {
		return false
	}
	switch name := f.name.of(b); len(name) { // most need no closer look
	case len("Host"):
		if is(name, "Host") {
			if h.host != (span{}) || !plainHost(f.value.of(b)) {
				return false
			}
			h.host = f.value
		}
	case len("X-Amz-Target"):
		h.target = h.target || is(name, "X-Amz-Target")
	case len("Content-Length"):
		if is(name, "Content-Length") {
			if h.sized || !h.readLength(f.value.of(b)) {
				return false
			}
			h.sized = true
		}
	}
	return true
}

// readLength reads what has few digits and nothing else.
func (h *head) readLength(value []byte) bool {
	h.body = 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
		h.body = 10*h.body + int(c-'0')
	}
	return len(value) > 0 && len(value) < 9
}

// cut reads the line from one place to another, and reports whether it is plain.
func (f *field) cut(b []byte, at, end int) bool {
	colon := at
	for colon < end && nameBytes[b[colon]] {
		colon++
	}
	if colon == at || colon == end || b[colon] != ':' {
		return false
	}
	from, to := colon+1, end
	for from < to && (b[from] == ' ' || b[from] == '\t') {
		from++
	}
	for from < to && (b[to-1] == ' ' || b[to-1] == '\t') {
		to--
	}
	f.name, f.value = span{uint16(at), uint16(colon)}, span{uint16(from), uint16(to)} // < maxHead
	return plainValue(b[from:to])
}

// nameBytes are what plain names are of.
var nameBytes = func() (t [256]bool) {
	for _, c := range "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		t[c] = true
	}
	return t
}()

// plainValue is whether a value is of printable ASCII.
func plainValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// plainHost is whether a host is one that net/http takes as it is.
func plainHost(host []byte) bool {
	for _, c := range host {
		if !nameBytes[c] && c != '.' && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return len(host) > 0
}

// changesFraming is whether a field says something of the connection, or of
// the body but its length.
func (f *field) changesFraming(b []byte) bool {
	switch name := f.name.of(b); len(name) {
	case len("TE"):
		return is(name, "TE")
	case len("Expect"): // and Pragma, by which net/http adds a Cache-Control
		return is(name, "Expect") || is(name, "Pragma")
	case len("Upgrade"):
		return is(name, "Upgrade") || is(name, "Trailer")
	case len("Connection"):
		return is(name, "Connection") && !is(f.value.of(b), "keep-alive")
	case len("Transfer-Encoding"):
		return is(name, "Transfer-Encoding")
	}
	return false
}

// is compares without regard to case.
func is(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		if b[i]|0x20 != s[i]|0x20 {
			return false
		}
	}
	return true
}

// header makes the map that net/http would, and the host.
func (h *head) header(b []byte) (m http.Header, host string) {
	m = make(http.Header, h.count)
	text := string(b[:h.length])
	values := make([]string, h.count)
	for i := range values {
		f := h.fields[i]
		if f.value == h.host {
			continue
		}
		values[i] = text[f.value.from:f.value.to]
		name := canonical(text[f.name.from:f.name.to])
		if have, ok := m[name]; ok {
			m[name] = append(have, values[i])
			continue
		}
		m[name] = values[i : i+1 : i+1]
	}
	return m, text[h.host.from:h.host.to]
}

// canonical is http.CanonicalHeaderKey, which goes over a name twice. Most are
// canonical as they come.
func canonical(name string) string {
	upper := true
	for i := range len(name) {
		c := name[i]
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			return http.CanonicalHeaderKey(name)
		}
		upper = c == '-'
	}
	return name
}
