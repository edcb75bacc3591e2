package callserver

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// FuzzStream holds the server to net/http with whatever a connection may bring,
// in pieces of a length: the answers, and whether and in what time it ends.
func FuzzStream(f *testing.F) {
	for _, text := range requests() {
		for _, piece := range []uint16{0, 1, 100} {
			f.Add([]byte(text+callOf("Echo", "after")), piece)
			f.Add([]byte(callOf("Unread", "before")+text), piece)
		}
	}
	for _, target := range patient {
		f.Add([]byte(callOf(target, "body")+callOf("Wait", "body")+"POST / "), uint16(60))
	}
	f.Fuzz(func(t *testing.T, text []byte, piece uint16) {
		size := int(piece)
		if size == 0 {
			size = max(len(text), 1)
		}
		if len(text) > 64<<10 || len(text)/size > 4<<10 {
			t.Skip("more than 64 KB, or 4,096 pieces, takes longer than an input of a fuzz target may")
		}
		got, want := streamed(t, func() httpServer { return New(streamRest()) }, text, size), streamed(t, func() httpServer { return streamRest() }, text, size)
		for _, c := range []struct {
			when      string
			got, want streamState
		}{{"at once", got.atOnce, want.atOnce}, {"later", got.later.withoutComplaint(), want.later.withoutComplaint()}} {
			if !reflect.DeepEqual(c.got, c.want) {
				t.Errorf("%q in pieces of %d: %s, here\n%.1000s\nin net/http\n%.1000s", text, size, c.when, fmt.Sprintf("%+v", c.got), fmt.Sprintf("%+v", c.want))
			}
		}
	})
}

// withoutComplaint is the state without net/http's word on a first line that
// never came whole, which it says sometimes.
func (s streamState) withoutComplaint() streamState {
	if n := len(s.Answers); n > 0 && s.Answers[n-1].Close && s.Answers[n-1].Status == "400 Bad Request" {
		s.Answers = s.Answers[:n-1]
	}
	s.Answers = append([]exchanged(nil), s.Answers...)
	return s
}

// patient are the handlers after which a connection goes on: net/http doesn't
// wait for the bodies of others.
var patient = []string{"Nothing", "Unread", "Status", "NoContent", "Typed", "Large", "Stream", "Flush", "TooLong"}

func streamRest() *http.Server {
	s := newRest()
	s.ReadHeaderTimeout = 10 * time.Second
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := r.Header.Get("X-Amz-Target")
		switch {
		case target == "Wait":
			select {
			case <-r.Context().Done():
			case <-time.After(time.Millisecond): // not so long that a pipe without room makes a difference
			}
			fallthrough
		case !slices.Contains(patient, target):
			target = "Echo"
		}
		handlers[target](w, r)
	})
	return s
}

type stream struct{ atOnce, later streamState }

// A streamState is what has come of a connection.
type streamState struct {
	Answers []exchanged
	Ended   bool
}

// streamed is what a server makes of text: a second after it came, and an hour.
func streamed(t *testing.T, server func() httpServer, text []byte, piece int) (made stream) {
	synctest.Test(t, func(*testing.T) {
		s := server()
		l, served := &pipes{conns: make(chan net.Conn)}, make(chan error)
		go func() { served <- s.Serve(l) }()
		near, far := net.Pipe()
		l.conns <- far
		var got received
		go got.readAll(near)
		for part := range slices.Chunk(text, piece) {
			if _, err := near.Write(part); err != nil {
				break // it was ended
			}
			synctest.Wait()
		}
		look := func(after time.Duration) streamState {
			time.Sleep(after)
			synctest.Wait()
			return got.state()
		}
		made = stream{look(time.Second), look(time.Hour)}
		_ = near.Close()
		_ = s.Close()
		<-served
	})
	return made
}

// received is what a server has sent so far.
type received struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ended bool
}

func (r *received) readAll(c net.Conn) {
	for room := make([]byte, 32<<10); ; {
		n, err := c.Read(room)
		r.mu.Lock()
		r.text.Write(room[:n])
		r.ended = err != nil
		r.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (r *received) state() streamState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return streamState{readAnswers(r.text.String()), r.ended}
}

// readAnswers reads the answers in a text. How they tell their length is left
// out: net/http sends what is longer than 2 KB before it knows.
func readAnswers(text string) (answers []exchanged) {
	r := bufio.NewReader(strings.NewReader(text))
	for {
		if _, err := r.Peek(1); err != nil {
			return answers
		}
		a := readAnswer(r)
		a.Header.Del("Content-Length")
		a.Length, a.Chunks = 0, nil
		answers = append(answers, a)
		if a.Err != "" {
			return answers
		}
	}
}
