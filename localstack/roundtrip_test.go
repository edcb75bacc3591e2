package localstack

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serveWith is a client of a handler, in process. Every exchange must be over,
// its goroutine too, when the test ends.
func serveWith(t *testing.T, h http.HandlerFunc) *http.Client {
	t.Helper()
	tr := newTransport()
	tr.handler = h
	t.Cleanup(func() {
		tr.stop()
		tr.wait()
	})
	return &http.Client{Transport: tr}
}

func TestRoundTripSeesWhatAServerWould(t *testing.T) {
	c := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "hello" || r.ContentLength != 5 || r.Header.Get("Content-Length") != "5" {
			t.Errorf("body %q, length %d, %v", body, r.ContentLength, err)
		}
		if r.Host != "h.example:1" || r.RequestURI != "/a%2Fb?x=y" || r.URL.Host != "" || r.Header.Get("User-Agent") == "" {
			t.Errorf("host %s, URI %s, URL %+v, headers %v", r.Host, r.RequestURI, r.URL, r.Header)
		}
		w.Header().Set("X-A", "1")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "1")
		_, _ = io.WriteString(w, "short")
	})
	resp, err := c.Post("http://h.example:1/a%2Fb?x=y", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 418 || string(body) != "short" || resp.ContentLength != 5 {
		t.Errorf("%s %q of %d", resp.Status, body, resp.ContentLength)
	}
	if resp.Header.Get("X-A") != "1" || resp.Header.Get("X-Late") != "" || resp.Header.Get("Date") == "" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("headers %v", resp.Header)
	}
}

// TestRoundTripStreams: each side sees what the other wrote before it ends.
func TestRoundTripStreams(t *testing.T) {
	c := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 4)
		for {
			n, err := io.ReadFull(r.Body, buf)
			if err != nil {
				return
			}
			_, _ = w.Write(buf[:n])
			w.(http.Flusher).Flush()
		}
	})
	in, feed := io.Pipe()
	go func() { _, _ = feed.Write([]byte("ping")) }()
	resp, err := c.Post("http://h/", "", in)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	for range 3 {
		buf := make([]byte, 4)
		if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "ping" {
			t.Fatalf("%q, %v", buf, err)
		}
		go func() { _, _ = feed.Write([]byte("ping")) }()
	}
	_, _ = io.ReadFull(resp.Body, make([]byte, 4))
	_ = feed.Close()
	if rest, err := io.ReadAll(resp.Body); len(rest) != 0 || err != nil {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

// TestRoundTripLarge: bodies that fit no buffer, both ways, whole.
func TestRoundTripLarge(t *testing.T) {
	c := serveWith(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	want := strings.Repeat("0123456789abcdef", 1<<16)
	resp, err := c.Post("http://h/", "", strings.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil || string(got) != want {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(want), err)
	}
}

func TestRoundTripNoBody(t *testing.T) {
	c := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); len(b) != 0 || err != nil || r.ContentLength != 0 {
			t.Errorf("request body %q, %v", b, err)
		}
		if r.URL.Path == "/204" {
			w.WriteHeader(http.StatusNoContent)
			if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("body of a 204: %v", err)
			}
			return
		}
		w.Header().Set("Content-Length", "9")
		_, _ = io.WriteString(w, "unseen...")
	})
	for _, tt := range []struct {
		method, path string
		length       int64
	}{{"HEAD", "/", 9}, {"GET", "/204", -1}} {
		r, _ := http.NewRequest(tt.method, "http://h"+tt.path, nil)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := io.ReadAll(resp.Body); len(b) != 0 || resp.ContentLength != tt.length {
			t.Errorf("%s %s: %q of %d", tt.method, tt.path, b, resp.ContentLength)
		}
		_ = resp.Body.Close()
	}
}

// TestRoundTripCancel: the request's context ends the handler's, wherever it is.
func TestRoundTripCancel(t *testing.T) {
	for name, stage := range map[string]func(w http.ResponseWriter, r *http.Request){
		"before the answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"reading":           func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"answering": func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"writing": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 8<<10)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				done := make(chan error, 1)
				c := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
					stage(w, r)
					<-r.Context().Done()
					done <- r.Context().Err()
				})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				in, feed := io.Pipe() // never fed
				r, _ := http.NewRequestWithContext(ctx, "POST", "http://h/", in)
				resp, err := c.Do(r)
				if err == nil {
					for err == nil { // the writer is read at a pace that never ends it
						_, err = resp.Body.Read(make([]byte, 1))
						time.Sleep(time.Millisecond)
					}
					_ = resp.Body.Close()
				}
				if !errors.Is(err, context.Canceled) {
					t.Errorf("the client saw %v, want Canceled", err)
				}
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("the handler saw %v", err)
				}
				if _, err := feed.Write([]byte("x")); err == nil {
					t.Error("the request's body is open")
				}
			})
		})
	}
}

// TestRoundTripCloseEarly: a client that closes a body before its end cancels.
func TestRoundTripCloseEarly(t *testing.T) {
	done := make(chan error, 1)
	c := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, 8<<10))
		}
		<-r.Context().Done()
		done <- context.Cause(r.Context())
	})
	resp, err := c.Get("http://h/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = resp.Body.Read(make([]byte, 10))
	_ = resp.Body.Close()
	if err := <-done; !errors.Is(err, errBodyClosed) {
		t.Errorf("the handler saw %v", err)
	}
}

// TestRoundTripExactLength: a client that read all that was announced, and not
// the end, lets the handler finish.
func TestRoundTripExactLength(t *testing.T) {
	read, done := make(chan struct{}), make(chan error, 1)
	c := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10000")
		_, _ = w.Write(make([]byte, 10000))
		<-read
		done <- r.Context().Err()
	})
	resp, err := c.Get("http://h/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 10000)); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	close(read)
	if err := <-done; err != nil {
		t.Errorf("the handler saw %v", err)
	}
}

func TestRoundTripFailures(t *testing.T) {
	c := serveWith(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/short":
			w.Header().Set("Content-Length", "20000")
			_, _ = w.Write(make([]byte, 10000))
		case "/late":
			w.(http.Flusher).Flush()
			panic("late")
		default:
			panic("early")
		}
	})
	if _, err := c.Get("http://h/early"); err == nil || !strings.Contains(err.Error(), "panicked: early") {
		t.Errorf("panic before the answer: %v", err)
	}
	for path, want := range map[string]string{"/late": "panicked: late", "/short": "unexpected EOF"} {
		resp, err := c.Get("http://h" + path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
		_ = resp.Body.Close()
	}
}

// TestRoundTripStop: stop ends what is under way and refuses what comes.
func TestRoundTripStop(t *testing.T) {
	tr, started := newTransport(), make(chan struct{})
	tr.handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	})
	c := &http.Client{Transport: tr}
	failed := make(chan error, 1)
	go func() {
		_, err := c.Get("http://h/")
		failed <- err
	}()
	<-started
	tr.stop()
	tr.wait()
	if err := <-failed; !errors.Is(err, errStopped) {
		t.Errorf("under way: %v", err)
	}
	if _, err := c.Get("http://h/"); !errors.Is(err, errStopped) {
		t.Errorf("after stop: %v", err)
	}
}
