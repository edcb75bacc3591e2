package callserver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// handlers are what handlers do, by the target of the call.
var handlers = map[string]http.HandlerFunc{
	"Echo": func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintln(w, r.Method, r.RequestURI, r.URL, r.Proto, r.Host, r.ContentLength, len(r.TransferEncoding), len(body), err)
		for _, name := range slices.Sorted(maps.Keys(r.Header)) {
			fmt.Fprintf(w, "%s: %q\n", name, r.Header[name])
		}
		_, _ = w.Write(body)
	},
	"Nothing":   func(http.ResponseWriter, *http.Request) {},
	"Unread":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "I read nothing") },
	"Status":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
	"Unknown":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(799) },
	"NoContent": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"NotModified": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusNotModified)
		if _, err := io.WriteString(w, "body"); err == nil {
			panic("a body was taken")
		}
	},
	"Twice": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("Late", "this")
	},
	"Typed": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("Content-Length", "2")
		w.Header().Add("Many", "one")
		w.Header().Add("Many", "two")
		w.Header().Set("Date", "Thu, 26 Nov 2026 00:00:00 GMT")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "{}")
	},
	"Lines": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("One", "a\r\nTwo: b\n")
		w.Header()["Not A Name"] = []string{"c"}
	},
	"NoName": func(w http.ResponseWriter, _ *http.Request) { w.Header()[""] = []string{"c"} },
	"Encoded": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		_, _ = io.WriteString(w, "text")
	},
	"NoContentOfNone": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		if _, err := w.Write(nil); err != nil {
			panic(err)
		}
	},
	"Large": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(bytes.Repeat([]byte("0123456789"), 100_000))
	},
	"Stream": func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			_, _ = io.WriteString(w, "0123456789abcdefghijklmnopqrstuvwxyz")
			_, _ = w.Write(nil)
		}
	},
	"Flush": func(w http.ResponseWriter, _ *http.Request) {
		for i := range 3 {
			fmt.Fprintln(w, "part", i)
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
		}
	},
	"FlushNothing": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
	"TooLong": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		_, _ = io.WriteString(w, "text")
		if _, err := io.WriteString(w, "more"); err != http.ErrContentLength { //nolint:errorlint // net/http gives this very error, and so must this
			panic(err)
		}
	},
	"TooShort": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "14")
		_, _ = io.WriteString(w, "text")
	},
	"Close": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") },
	"Abort": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"Panic": func(http.ResponseWriter, *http.Request) { panic("handlers may do that") },
	"PanicAfterFlush": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "text")
		w.(http.Flusher).Flush()
		panic("handlers may do that")
	},
}

func testHandler(w http.ResponseWriter, r *http.Request) {
	if h, ok := handlers[r.Header.Get("X-Amz-Target")]; ok {
		h(w, r)
		return
	}
	handlers["Echo"](w, r)
}

var quiet = log.New(io.Discard, "", 0)

func newRest() *http.Server {
	return &http.Server{Handler: http.HandlerFunc(testHandler), ErrorLog: quiet}
}

type httpServer interface {
	Serve(net.Listener) error
	Close() error
}

// start serves on loopback and returns the address.
func start(t testing.TB, s httpServer) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); err != http.ErrServerClosed { //nolint:errorlint // net/http gives this very error, and so must this
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return l.Addr().String()
}

// An exchanged is what a client sees of an answer.
type exchanged struct {
	Status string
	Header http.Header
	Length int64
	Chunks []string
	Close  bool
	Body   string
	Err    string
}

// exchange sends text, whole, and reads as many answers as requests are in it.
func exchange(t *testing.T, addr, text string, n int) (answers []exchanged) {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for range n {
		answers = append(answers, readAnswer(r))
		if answers[len(answers)-1].Err != "" {
			break
		}
	}
	return answers
}

func readAnswer(r *bufio.Reader) exchanged {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return exchanged{Err: "no answer"} // EOF, or a reset, by chance
	}
	body, err := io.ReadAll(resp.Body)
	if resp.Header.Get("Date") != "" {
		resp.Header.Set("Date", "now")
	}
	a := exchanged{resp.Status, resp.Header, resp.ContentLength, resp.TransferEncoding, resp.Close, string(body), ""}
	if err != nil {
		a.Err = "half an answer"
	}
	return a
}

func callOf(target, body string, more ...string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: 127.0.0.1:4566\r\nContent-Length: %d\r\nX-Amz-Target: %s\r\n%s\r\n%s", len(body), target, strings.Join(more, ""), body)
}

// requests are what clients send, well-formed or not.
func requests() map[string]string {
	all := map[string]string{
		"headers":        callOf("Echo", "body", "Many: one\r\nmany: two\r\nEmpty:\r\nSpace: \t a  b \r\nAMZ-sdk-invocation-ID: 1\r\nConnection: Keep-Alive\r\n"),
		"no body":        callOf("Echo", ""),
		"close":          callOf("Echo", "body", "Connection: close\r\n"),
		"expect":         callOf("Echo", "body", "Expect: 100-continue\r\n"),
		"pragma":         callOf("Echo", "body", "Pragma: no-cache\r\n"),
		"long head":      callOf("Echo", "body", "Long: "+strings.Repeat("x", maxHead)+"\r\n"),
		"many fields":    callOf("Echo", "body", strings.Repeat("Again: x\r\n", 2*maxFields)),
		"long body":      callOf("Echo", strings.Repeat("x", keptRoom*2)),
		"longer body":    callOf("Echo", strings.Repeat("x", maxCall)),
		"get":            "GET /path?query HTTP/1.1\r\nHost: a\r\n\r\n",
		"no target":      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
		"path":           "POST /path HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nContent-Length: 2\r\n\r\nhi",
		"chunked":        "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
		"1.0":            "POST / HTTP/1.0\r\nHost: a\r\nX-Amz-Target: Echo\r\nContent-Length: 2\r\n\r\nhi",
		"bare newlines":  "POST / HTTP/1.1\nHost: a\nX-Amz-Target: Echo\nContent-Length: 2\n\nhi",
		"no host":        "POST / HTTP/1.1\r\nX-Amz-Target: Echo\r\nContent-Length: 2\r\n\r\nhi",
		"two hosts":      "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Amz-Target: Echo\r\nContent-Length: 2\r\n\r\nhi",
		"bad host":       "POST / HTTP/1.1\r\nHost: a b\r\nX-Amz-Target: Echo\r\nContent-Length: 2\r\n\r\nhi",
		"no length":      "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\n\r\n",
		"two lengths":    "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
		"same lengths":   "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
		"bad length":     "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nContent-Length: +2\r\n\r\nhi",
		"padded length":  "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nContent-Length: 0002\r\n\r\nhi",
		"folded":         "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nFolded: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
		"bad name":       "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nBad Name: a\r\nContent-Length: 2\r\n\r\nhi",
		"name and space": "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nName : a\r\nContent-Length: 2\r\n\r\nhi",
		"bad value":      "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nValue: a\x00\r\nContent-Length: 2\r\n\r\nhi",
		"latin value":    "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nValue: caf\xe9\r\nContent-Length: 2\r\n\r\nhi",
		"no colon":       "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: Echo\r\nValue\r\nContent-Length: 2\r\n\r\nhi",
		"line ends":      "\r\n\n" + callOf("Echo", "body"),
		"line ends, get": "\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"many line ends": "\r\n\r\n\r\n" + callOf("Echo", "body"),
		"garbage":        "\x16\x03\x01\x02\x00\r\n\r\n",
	}
	for target := range handlers {
		all["handler "+target] = callOf(target, "body")
	}
	return all
}

// TestLikeNetHTTP: clients and handlers see what they see with net/http.
func TestLikeNetHTTP(t *testing.T) {
	ours, theirs := start(t, New(newRest())), start(t, newRest())
	for name, text := range requests() {
		t.Run(name, func(t *testing.T) {
			// Between two others: what was before it makes no difference, and it shows
			// whether the connection goes on.
			text += callOf("Echo", "another")
			for n, text := range []string{text, callOf("Echo", "one") + text} {
				got, want := exchange(t, ours, text, 2+n), exchange(t, theirs, text, 2+n)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("here\n%+v\nin net/http\n%+v", got, want)
				}
			}
		})
	}
}

// FuzzHead holds what is taken for a call to what net/http reads.
func FuzzHead(f *testing.F) {
	f.Add([]byte(sdkCall))
	f.Add([]byte(callOf("Echo", "body", "Many: one\r\nmany: two\r\nEmpty:\r\n")))
	f.Add([]byte("POST / HTTP/1.1\r\nHost: [::1]:4566\r\nX-Amz-Target: \r\nContent-Length: 0000000\r\n\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nhost:a\r\nHOST:a\r\nX-Amz-Target: a\r\nContent-Length: 0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h head
		if h.parse(b) != whole {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatalf("net/http refuses it: %v", err)
		}
		c := &conn{in: b, head: h}
		x := newCall(c)
		got := x.request()
		body, err := io.ReadAll(r.Body)
		gotBody, gotErr := io.ReadAll(got.Body)
		if err != nil || gotErr != nil || !bytes.Equal(body, gotBody) {
			t.Errorf("the body is %q (%v), to net/http %q (%v)", gotBody, gotErr, body, err)
		}
		if !reflect.DeepEqual(got.Header, r.Header) || got.Host != r.Host || got.ContentLength != r.ContentLength ||
			got.Method != r.Method || !reflect.DeepEqual(got.URL, r.URL) || got.RequestURI != r.RequestURI || got.Proto != r.Proto {
			t.Errorf("read as\n%+v\nby net/http as\n%+v", got, r)
		}
		if r.Close || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
			t.Errorf("it changes the framing: %+v", r)
		}
	})
}
