//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// dropProxy forwards connections to a server and can drop the answers to
// requests for a path.
type dropProxy struct {
	t      *testing.T
	target string
	ln     net.Listener
	mu     sync.Mutex
	drop   string   // path whose next answer is dropped
	seen   []string // since then, once one was
}

func newDropProxy(t *testing.T, target string) *dropProxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &dropProxy{t: t, target: strings.TrimPrefix(target, "http://"), ln: ln}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				p.serve(c)
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close() })
	return p
}

func (p *dropProxy) url() string { return "http://" + p.ln.Addr().String() }

// dropNext drops the next answer with a body to a request for path.
func (p *dropProxy) dropNext(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop = path
}

// requests are the request lines and bodies that hold s, from the one on whose answer was
// dropped.
func (p *dropProxy) requests(s string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, r := range p.seen {
		if strings.Contains(r, s) {
			out = append(out, r)
		}
	}
	return out
}

// serve forwards one request at a time: it asks the server to close after each.
func (p *dropProxy) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	head, err := readHead(r)
	if err != nil {
		return
	}
	line, rest, _ := strings.Cut(head, "\r\n")
	body, err := readBody(r, rest)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.seen = append(p.seen, line+" "+body)
	dropped := p.drop != "" && strings.Contains(line, p.drop)
	p.mu.Unlock()
	up, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer up.Close()
	if _, err := io.WriteString(up, line+"\r\nConnection: close\r\n"+rest+body); err != nil {
		return
	}
	answer, err := io.ReadAll(up)
	if err != nil && !errors.Is(err, io.EOF) {
		return
	}
	if dropped && bytes.HasPrefix(answer, []byte("HTTP/1.1 200")) {
		p.mu.Lock()
		p.drop, p.seen = "", []string{line + " " + body}
		p.mu.Unlock()
		return
	}
	_, _ = c.Write(answer) // the client may have gone
}

func readHead(r *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		if lower := strings.ToLower(line); strings.HasPrefix(lower, "connection:") {
			continue
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String(), nil
		}
	}
}

var contentLength = regexp.MustCompile(`(?i)content-length: (\d+)`)

// readBody reads the body of a request with these header lines, none if it has no length.
func readBody(r io.Reader, header string) (string, error) {
	m := contentLength.FindStringSubmatch(header)
	if m == nil {
		return "", nil
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return "", err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return string(b), err
}
