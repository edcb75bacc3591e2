package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// bulkLog is a server with the log of an ended job, and its storage.
type bulkLog struct {
	*httptest.Server
	log     string
	bad     int // number of the chunk with which something is wrong
	fault   func(w http.ResponseWriter, chunk []byte)
	without bool // an older server, which refuses parameters that it doesn't know

	mu           sync.Mutex
	pages, lists int
}

const (
	bulkLogChunk = 256 << 10
	bulkLogPage  = 512 << 10
)

func newBulkLog(t *testing.T) *bulkLog {
	var log strings.Builder
	for i := 0; log.Len() < 6<<20; i++ {
		fmt.Fprintf(&log, "line %d\n", i)
	}
	s := &bulkLog{log: log.String(), bad: -1}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/jobs/logs", s.page)
	mux.HandleFunc("GET /store/{offset}", s.chunk)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *bulkLog) page(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	offset, _ := strconv.Atoi(r.FormValue("offset"))
	chunk, _ := strconv.Atoi(r.FormValue("chunk"))
	page := api.LogPage{JobID: "j", Attempt: 1, Status: errand.Completed, Offset: int64(offset), Next: int64(offset), Chunk: int64(chunk), Bytes: new(int64(len(s.log)))}
	switch {
	case chunk > offset || s.without && r.Form.Has("downloads"):
		problem(w, errand.CodeInvalidField, "there is no parameter of that name")
		return
	case r.FormValue("downloads") == "true":
		s.lists++
		for at := offset / bulkLogChunk * bulkLogChunk; at < len(s.log); at += bulkLogChunk {
			if size := s.size(at); size > 0 {
				page.Downloads = append(page.Downloads, api.LogDownload{Offset: int64(at), Size: size, SignedRequest: errand.SignedRequest{
					Method: http.MethodGet, URL: fmt.Sprintf("%s/store/%d", s.URL, at), Header: map[string]string{"X-Signed": "yes"},
				}})
			}
		}
	default:
		s.pages++
		end := min(len(s.log), offset+bulkLogPage)
		page.Frames = []api.LogFrame{{Stream: "stdout", Offset: int64(offset), Data: []byte(s.log[offset:end])}}
		page.Next, page.Chunk, page.Done = int64(end), int64(end/bulkLogChunk*bulkLogChunk), end == len(s.log)
		if page.Done {
			page.Job = &api.Job{ID: "j", Status: errand.Completed, ExitCode: new(int)}
		}
	}
	answer(w, http.StatusOK, page)
}

// size of the chunk as it is stored; 0: it is missing.
func (s *bulkLog) size(at int) int64 {
	if at/bulkLogChunk == s.bad && s.fault == nil {
		return 0
	}
	return int64(len(s.frames(at)))
}

func (s *bulkLog) frames(at int) (b []byte) {
	for end := min(len(s.log), at+bulkLogChunk); at < end; at += errand.MaxFrameBytes {
		f := errand.Frame{Stream: errand.Stdout, Offset: int64(at), Data: []byte(s.log[at:min(end, at+errand.MaxFrameBytes)])}
		b = f.Append(b)
	}
	return b
}

func (s *bulkLog) chunk(w http.ResponseWriter, r *http.Request) {
	at, _ := strconv.Atoi(r.PathValue("offset"))
	switch {
	case r.Header.Get("X-Signed") != "yes" || r.Header.Get("Authorization") != "":
		w.WriteHeader(http.StatusForbidden)
	case at/bulkLogChunk == s.bad:
		s.fault(w, s.frames(at))
	default:
		_, _ = w.Write(s.frames(at))
	}
}

// TestLongLogFromTheStorage: the long log of an ended job comes from the storage. Whatever
// is wrong there, each byte is printed once, by errand logs and by one that follows.
func TestLongLogFromTheStorage(t *testing.T) {
	t.Parallel()
	refuse := func(w http.ResponseWriter, _ []byte) { w.WriteHeader(http.StatusForbidden) }
	for _, tt := range []struct {
		name  string
		bad   int
		fault func(http.ResponseWriter, []byte)
		old   bool
		lists int
		pages int
	}{
		{name: "all is well", bad: -1, lists: 1, pages: 2},
		{name: "an older server", bad: -1, old: true, pages: 13},
		{name: "a chunk is missing", bad: 4, lists: 2, pages: 12},
		{name: "a chunk is refused", bad: 5, fault: refuse, lists: 2, pages: 11},
		{name: "all are refused", bad: 2, fault: refuse, lists: 1, pages: 13},
		{name: "a chunk is cut off", bad: 5, fault: func(w http.ResponseWriter, b []byte) { _, _ = w.Write(b[:len(b)/2]) }, lists: 2, pages: 11},
		{name: "a chunk is damaged", bad: 6, fault: func(w http.ResponseWriter, b []byte) {
			_, _ = w.Write(bytes.Replace(b, []byte("\no "), []byte("\nx_"), 2))
		}, lists: 2, pages: 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newBulkLog(t)
			s.bad, s.fault, s.without = tt.bad, tt.fault, tt.old
			var out bytes.Buffer
			a := newApp(&out, io.Discard, noEnv)
			client := newClient(s.URL, fakeToken)
			filter, err := new(logsFlags{tail: allLines}).filter(a.term.Now())
			if err != nil {
				t.Fatal(err)
			}
			filter.out = a.printFrame
			if _, err := printLog(t.Context(), client, api.LogPosition{JobID: "j"}, filter, true); err != nil || out.String() != s.log {
				t.Errorf("%d bytes, %v; want the log's %d", out.Len(), err, len(s.log))
			}
			if s.pages != tt.pages || s.lists != tt.lists {
				t.Errorf("%d pages and %d lists, want %d and %d", s.pages, s.lists, tt.pages, tt.lists)
			}
			out.Reset()
			if _, err := a.followToEnd(t.Context(), client, "j", 0, a.printFrame); err != nil || out.String() != s.log {
				t.Errorf("followed: %d bytes, %v; want the log's %d", out.Len(), err, len(s.log))
			}
			if s.pages != 2*tt.pages || s.lists != 2*tt.lists {
				t.Errorf("followed: %d pages and %d lists, want twice as many", s.pages-tt.pages, s.lists-tt.lists)
			}
		})
	}
}
