package bench

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// synced is a bare handler that appends the request to a file and syncs it before it
// responds. With one caller that is the lower bound of a durable response. It takes
// longer than a bare response plus a sync, because a processor that slept during the
// sync must wake up.
type synced struct {
	next http.Handler
	log  *os.File
}

func newSynced(b testing.TB, next http.Handler) synced { return synced{next, newLog(b)} }

func newLog(b testing.TB) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f
}

func (h synced) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, err = h.log.Write(body)
	}
	if err == nil {
		err = datasync(h.log)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.next.ServeHTTP(w, r)
}

// A sharedLog is a file whose syncs concurrent writers share, in the simplest way: a
// writer that finds no sync in progress makes one for all that has been written.
type sharedLog struct {
	file *os.File

	mu              sync.Mutex
	ended           *sync.Cond // a sync has
	written, synced int
	syncing         bool
	err             error
}

func newSharedLog(b testing.TB) *sharedLog {
	l := &sharedLog{file: newLog(b)}
	l.ended = sync.NewCond(&l.mu)
	return l
}

// append returns when data is on disk.
func (l *sharedLog) append(data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(data); err != nil {
		return err
	}
	l.written++
	for mine := l.written; l.synced < mine && l.err == nil; {
		if l.syncing {
			l.ended.Wait()
			continue
		}
		l.sync()
	}
	return l.err
}

// sync is called, and returns, with the lock held.
func (l *sharedLog) sync() {
	n := l.written
	l.syncing = true
	l.mu.Unlock()
	err := datasync(l.file)
	l.mu.Lock()
	l.syncing, l.synced, l.err = false, n, err
	l.ended.Broadcast()
}
