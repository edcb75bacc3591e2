package s3_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// begin uploads the one part of what completes the upload.
func begin(t *testing.T, e *s3.Engine, key string) s3.CompleteMultipartUploadInput {
	t.Helper()
	u := &s3.MultipartUpload{Bucket: "bkt", Key: key}
	check(t, e.CreateMultipartUpload(u))
	p, err := e.UploadPart(s3.UploadPartInput{Bucket: "bkt", Key: key, UploadID: u.ID, Number: 1, Body: strings.NewReader("part"), Size: 4})
	check(t, err)
	return s3.CompleteMultipartUploadInput{Bucket: "bkt", Key: key, UploadID: u.ID, Parts: []s3.CompletedPart{{Number: 1, ETag: p.ETag}}, Size: -1}
}

// TestAnswersWaitForTheDisk: a response that depends on another request's write
// waits until that write is on disk. Otherwise a power cut could undo what a client
// has seen.
func TestAnswersWaitForTheDisk(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ask  func(*s3.Engine, s3.CompleteMultipartUploadInput) error
		code string
	}{
		"completed already": {func(e *s3.Engine, in s3.CompleteMultipartUploadInput) error {
			_, err := e.CompleteMultipartUpload(in)
			return err
		}, ""},
		"no upload to abort": {func(e *s3.Engine, in s3.CompleteMultipartUploadInput) error {
			return e.AbortMultipartUpload("bkt", "k", in.UploadID)
		}, "NoSuchUpload"},
		"no upload for a part": {func(e *s3.Engine, in s3.CompleteMultipartUploadInput) error {
			_, err := e.UploadPart(s3.UploadPartInput{Bucket: "bkt", Key: "k", UploadID: in.UploadID, Number: 1, Body: strings.NewReader("x"), Size: 1})
			return err
		}, "NoSuchUpload"},
		"there is an object": {func(e *s3.Engine, _ s3.CompleteMultipartUploadInput) error {
			_, err := e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "k", Body: strings.NewReader("x"), Size: 1, Conditions: s3.Conditions{IfNoneMatch: "*"}})
			return err
		}, "PreconditionFailed"},
		"the object's bytes": {func(e *s3.Engine, _ s3.CompleteMultipartUploadInput) error {
			_, err := get(e, "k")
			return err
		}, ""},
		"the object's record": {func(e *s3.Engine, _ s3.CompleteMultipartUploadInput) error {
			_, _, err := e.HeadObject(s3.GetObjectInput{Bucket: "bkt", Key: "k"})
			return err
		}, ""},
		"a list with the object": {func(e *s3.Engine, _ s3.CompleteMultipartUploadInput) error {
			_, err := e.ListObjects("bkt", s3.ListObjectsInput{MaxKeys: 1})
			return err
		}, ""},
		"a list without the upload": {func(e *s3.Engine, _ s3.CompleteMultipartUploadInput) error {
			_, err := e.ListMultipartUploads("bkt", s3.ListMultipartUploadsInput{Max: 1})
			return err
		}, ""},
		"an upload that is no more": {func(e *s3.Engine, in s3.CompleteMultipartUploadInput) error {
			_, _, _, err := e.ListParts("bkt", "k", in.UploadID, 0, 1)
			return err
		}, "NoSuchUpload"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { askDuringSync(t, tc.ask, tc.code) })
		})
	}
}

// stallingFS is a file system whose syncs, while slow is set, wait until release
// is closed.
func stallingFS() (fs *syncFS, slow *atomic.Bool, release chan struct{}) {
	slow, release = new(atomic.Bool), make(chan struct{})
	return &syncFS{FS: vfs.NewMem(), hook: func() {
		if slow.Load() {
			<-release
		}
	}}, slow, release
}

// askDuringSync asks while the sync of a completion is under way.
func askDuringSync(t *testing.T, ask func(*s3.Engine, s3.CompleteMultipartUploadInput) error, code string) {
	fs, slow, release := stallingFS()
	e, stop := open(t, fs, "", clock.Real())
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	check(t, put(e, "other", "there"))
	in := begin(t, e, "k")
	slow.Store(true)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := e.CompleteMultipartUpload(in); first <- err }()
	synctest.Wait()
	if _, err := get(e, "other"); err != nil {
		t.Errorf("what isn't being written: %v", err) // it waits for nobody
	}
	go func() { second <- ask(e, in) }()
	synctest.Wait()
	if len(second) > 0 {
		t.Error("it was answered before the disk had what it tells")
	}
	slow.Store(false)
	close(release)
	check(t, <-first)
	if err := <-second; code != "" {
		wantCode(t, err, code)
	} else {
		check(t, err)
	}
}

// Of requests to complete the same upload at once, all get the same answer.
func TestCompleteAtOnce(t *testing.T) {
	t.Parallel()
	e, stop := open(t, vfs.NewMem(), "", clock.Real())
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	for range 50 {
		in := begin(t, e, "k")
		var all sync.WaitGroup
		start := make(chan struct{})
		for range 8 {
			all.Go(func() {
				<-start
				if o, err := e.CompleteMultipartUpload(in); err != nil || o.UploadID != in.UploadID {
					t.Errorf("completed as %+v, %v", o, err)
				}
			})
		}
		close(start)
		all.Wait()
	}
}

// TestFailedSyncIsNotAcknowledged: a completion whose sync has failed is visible,
// but asking again doesn't make it durable.
func TestFailedSyncIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	var fails atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) && fails.CompareAndSwap(true, false) {
			return syscall.EIO // once: the next would succeed
		}
		return nil
	}))
	store, err := kv.Open("db", kv.Options{FS: fs, Logf: t.Logf})
	check(t, err)
	defer func() { _ = store.Close() }() // says that it couldn't sync
	e, err := s3.Open(s3.Config{Config: engine.Config{Store: store, Logf: t.Logf}, Dir: "s3", FS: fs})
	check(t, err)
	defer e.Close()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	in := begin(t, e, "k")
	fails.Store(true)
	for _, request := range []string{"the first", "again"} {
		if _, err := e.CompleteMultipartUpload(in); !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v, want the disk's failure", request, err)
		}
	}
}

// TestBucketChangesWaitForTheDisk: a response that depends on a bucket that was just
// created or deleted waits until that change is on disk.
func TestBucketChangesWaitForTheDisk(t *testing.T) {
	t.Parallel()
	head := func(e *s3.Engine) error {
		_, _, err := e.HeadObject(s3.GetObjectInput{Bucket: "bkt", Key: "k"})
		return err
	}
	read := func(e *s3.Engine) error { _, err := get(e, "k"); return err }
	created := func(e *s3.Engine) error { return e.CreateBucket("bkt", "us-east-1") }
	deleted := func(e *s3.Engine) error { return e.DeleteBucket("bkt") }
	for name, tc := range map[string]struct {
		there       bool
		change, ask func(*s3.Engine) error
		code        string
	}{
		"head in a new bucket":     {false, created, head, "NoSuchKey"},
		"get in a new bucket":      {false, created, read, "NoSuchKey"},
		"head in a deleted bucket": {true, deleted, head, "NoSuchBucket"},
		"get in a deleted bucket":  {true, deleted, read, "NoSuchBucket"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { askOfBucket(t, tc.there, tc.change, tc.ask, tc.code) })
		})
	}
}

func askOfBucket(t *testing.T, there bool, change, ask func(*s3.Engine) error, code string) {
	fs, slow, release := stallingFS()
	e, stop := open(t, fs, "", clock.Real())
	defer stop()
	if there {
		check(t, e.CreateBucket("bkt", "us-east-1"))
	}
	slow.Store(true)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- change(e) }()
	synctest.Wait()
	go func() { second <- ask(e) }()
	synctest.Wait()
	if len(second) > 0 {
		t.Error("it was answered before the disk had what it tells")
	}
	slow.Store(false)
	close(release)
	check(t, <-first)
	wantCode(t, <-second, code)
}
