package callserver

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// holdMost is how much of an answer is held back, so that it goes out in one
// piece and with its length.
const holdMost = 16 << 10

// Header implements http.ResponseWriter.
func (x *call) Header() http.Header { return x.conn.header }

// WriteHeader implements http.ResponseWriter: the header is what it is now.
func (x *call) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if x.status != 0 || status < 200 {
		return
	}
	x.status = status
	c := x.conn
	c.out = append(append(strconv.AppendInt(append(c.out, "HTTP/1.1 "...), int64(status), 10), ' '), statusText(status)...)
	c.out = append(c.out, "\r\n"...)
	var room [16]string
	names := room[:0]
	for name := range c.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		x.writeField(name, c.header[name])
	}
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "status code " + strconv.Itoa(status)
}

// writeField writes what the handler has set, but for what is not its own to say.
func (x *call) writeField(name string, values []string) {
	switch name {
	case "Content-Length":
		n, err := strconv.Atoi(strings.Join(values, ","))
		if err != nil || n < 0 || !bodyAllowed(x.status) {
			return
		}
		x.declared = n
	case "Content-Type":
		if x.status == http.StatusNotModified {
			return
		}
		x.typed = true
	case "Content-Encoding": // what is encoded isn't looked at
		x.typed = x.typed || len(values) > 0 && values[0] != ""
	case "Date":
		x.dated = true
	case "Connection":
		x.last = x.last || slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, "close") })
	case "Transfer-Encoding", "Trailer":
		return
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r > 127 || !nameBytes[r] && !strings.ContainsRune("!#$%&'*+.^_`|~", r) }) {
		return
	}
	for _, v := range values {
		x.field(name, oneLine(v))
	}
}

func (x *call) field(name, value string) {
	c := x.conn
	c.out = append(append(append(append(c.out, name...), ": "...), value...), "\r\n"...)
}

// oneLine keeps a value from ending its line.
func oneLine(v string) string {
	if strings.ContainsAny(v, "\r\n") {
		v = strings.NewReplacer("\r", " ", "\n", " ").Replace(v)
	}
	return strings.Trim(v, " \t")
}

func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// Write implements http.ResponseWriter.
func (x *call) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case !bodyAllowed(x.status):
		return 0, http.ErrBodyNotAllowed
	}
	if x.written += len(p); x.declared >= 0 && x.written > x.declared {
		return 0, http.ErrContentLength
	}
	c := x.conn
	if !x.flushed && len(c.held)+len(p) <= holdMost {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	if err := x.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteString implements io.StringWriter.
func (x *call) WriteString(s string) (int, error) { return x.Write([]byte(s)) }

// Flush implements http.Flusher.
func (x *call) Flush() {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	if !x.flushed {
		_ = x.send(nil) // the connection's end, which the next Write reports
	}
}

// send sends what is held back, and p.
func (x *call) send(p []byte) error {
	c := x.conn
	if !x.flushed {
		x.flushed = true
		x.chunked = x.declared < 0 && bodyAllowed(x.status)
		x.endHead(p)
	}
	parts := net.Buffers{c.out}
	size := len(c.held) + len(p)
	if x.chunked && size > 0 {
		parts = append(parts, fmt.Appendf(nil, "%x\r\n", size))
	}
	parts = append(parts, c.held, p)
	if x.chunked && size > 0 {
		parts = append(parts, []byte("\r\n"))
	}
	_, err := parts.WriteTo(c.rwc)
	x.last = x.last || err != nil // nobody knows how much of it went out
	c.out, c.held = c.out[:0], c.held[:0]
	return err
}

// endHead adds what a handler leaves out. p is of the body, behind what is held.
func (x *call) endHead(p []byte) {
	c := x.conn
	if !x.typed && len(c.held)+len(p) > 0 {
		x.field("Content-Type", http.DetectContentType(slices.Concat(c.held, p)))
	}
	if !x.dated {
		x.field("Date", c.server.date.now())
	}
	if x.chunked {
		x.field("Transfer-Encoding", "chunked")
	}
	if !x.last && c.server.closing.Load() {
		x.last = true
		x.field("Connection", "close")
	}
	c.out = append(c.out, "\r\n"...)
}

// finish ends the answer of a handler that has returned. It reports whether the
// connection can go on.
func (x *call) finish() bool {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	c := x.conn
	var err error
	switch {
	case x.chunked:
		_, err = c.rwc.Write([]byte("0\r\n\r\n"))
	case !x.flushed:
		if x.declared < 0 && bodyAllowed(x.status) {
			x.field("Content-Length", strconv.Itoa(len(c.held)))
		}
		x.endHead(nil)
		c.out = append(c.out, c.held...)
		_, err = c.rwc.Write(c.out)
	}
	short := x.declared >= 0 && x.written != x.declared
	return err == nil && !short && !x.last
}
