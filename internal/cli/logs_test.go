package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// TestTailReadsTheEnd: of a long log of an ended job, --tail reads the end alone, unless
// that has too few lines.
func TestTailReadsTheEnd(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	long := strings.Repeat("x", 300_000) + "\n"
	for _, tt := range []struct {
		name, log, want string
		tail            int
		all             bool // is read from the beginning
	}{
		{"many lines", lines.String(), "line 99998\nline 99999\n", 2, false},
		{"no end of line", lines.String() + "end", "line 99999\nend", 2, false},
		{"a long line", "first\n" + long + "last\n", long + "last\n", 2, true},
		{"few lines", "a\nb\n", "a\nb\n", 5, true},
		{"no lines", lines.String(), "", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server, asked := newLogServer(t, tt.log)
			var out bytes.Buffer
			a := newApp(&out, io.Discard, noEnv)
			f := logsFlags{tail: tt.tail}
			filter, err := f.filter(a.term.Now())
			if err != nil {
				t.Fatal(err)
			}
			filter.out = a.printFrame
			if _, err := printLog(t.Context(), newClient(server.URL, fakeToken), api.LogPosition{JobID: "j"}, filter, true); err != nil || out.String() != tt.want {
				t.Errorf("%.60q, %v; want %.60q", out.String(), err, tt.want)
			}
			if all := slices.Contains(*asked, 0); all != tt.all || (*asked)[0] != noLog {
				t.Errorf("asked for the offsets %v", *asked)
			}
		})
	}
}

// newLogServer serves the log of an ended job, and notes which offsets were asked for.
func newLogServer(t *testing.T, log string) (server *httptest.Server, asked *[]int) {
	const pageBytes, pieceBytes = 500_000, 1000
	asked = new([]int)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		offset, err := strconv.Atoi(r.FormValue("offset"))
		if err != nil {
			t.Error(err)
		}
		*asked = append(*asked, offset)
		page := api.LogPage{JobID: "j", Attempt: 1, Status: errand.Completed, Done: true, Next: int64(offset), Bytes: new(int64(len(log)))}
		if offset < len(log) {
			end := min(len(log), offset+pageBytes)
			for at := offset; at < end; at += pieceBytes {
				page.Frames = append(page.Frames, api.LogFrame{Stream: "stdout", Offset: int64(at), Data: []byte(log[at:min(end, at+pieceBytes)])})
			}
			page.Next, page.Done = int64(end), end == len(log)
		}
		answer(w, http.StatusOK, page)
	}))
	t.Cleanup(server.Close)
	return server, asked
}
