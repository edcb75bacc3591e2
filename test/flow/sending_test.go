//go:build unix

package flow

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// TestFollowersSeeSending: who follows a job reads how much of its artifacts is sent while
// they are sent, and isn't told the end before all is there.
func TestFollowersSeeSending(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	d := p.agent("host")
	sending, released := make(chan struct{}), make(chan struct{})
	begun, release := sync.OnceFunc(func() { close(sending) }), sync.OnceFunc(func() { close(released) })
	t.Cleanup(release) // before the agent's end
	hold := func(r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/artifacts/") {
			begun()
			<-released
		}
	}
	d.before.Store(&hold)
	job, err := p.user.CreateJob(t.Context(), api.CreateJob{
		Commands: []errand.Command{{Shell: "echo app > app"}}, Artifacts: []errand.Artifact{{Path: "app"}}, Watch: true, LeaseSeconds: errand.MaxLeaseSeconds,
	}, "k")
	if err != nil {
		t.Fatal(err)
	}
	p.await("the agent takes the job", time.Second, func() bool { return p.job(job.ID).Status == errand.Running })
	p.await("the artifact is sent", 0, isClosed(sending))
	f := follower{t: t, user: p.user, id: job.ID}
	p.await("a line about what is sent", time.Second, func() bool {
		if page := f.read(); page.Done || page.Status != errand.Running {
			t.Fatalf("the job ended before its artifacts were there: %+v", page)
		}
		return strings.Contains(f.log.String(), "errand: artifacts: sending: ")
	})
	release()
	var last api.LogPage
	p.await("the job's end", time.Second, func() bool {
		last = f.read()
		return last.Done
	})
	sum := sha256.Sum256(f.log.Bytes())
	if last.Status != errand.Completed || last.Bytes == nil || *last.Bytes != int64(f.log.Len()) || last.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("%+v is not the end of the log %q", last, &f.log)
	}
	if _, after, _ := strings.Cut(f.log.String(), "errand: 1 artifact, 4 bytes"); !strings.Contains(after, "\nerrand: artifacts: sent 4 bytes in ") {
		t.Errorf("the log is %q", &f.log)
	}
	for _, frame := range f.frames {
		if isOwn := strings.HasPrefix(string(frame.Data), "errand: "); isOwn && (frame.Stream != errand.System.Name() || frame.Command != 0) {
			t.Errorf("frame %+v", frame)
		}
	}
}

// follower reads a job's log as it grows.
type follower struct {
	t      *testing.T
	user   *api.Client
	id     string
	next   int64
	log    bytes.Buffer
	frames []api.LogFrame
}

func (f *follower) read() api.LogPage {
	f.t.Helper()
	page, err := f.user.Logs(f.t.Context(), f.id, 0, f.next, 0)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, frame := range page.Frames {
		f.log.Write(frame.Data)
	}
	f.frames, f.next = append(f.frames, page.Frames...), page.Next
	return page
}

func isClosed(c chan struct{}) func() bool {
	return func() bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
}
