package s3_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// open opens an S3 on fs; stop closes it.
func open(t testing.TB, fs vfs.FS, dir string, c clock.Clock) (e *s3.Engine, stop func()) {
	t.Helper()
	return openConfig(t, fs, dir, engine.Config{Clock: c})
}

func openConfig(t testing.TB, fs vfs.FS, dir string, c engine.Config) (e *s3.Engine, stop func()) {
	t.Helper()
	store, err := kv.Open(fs.PathJoin(dir, "db"), kv.Options{FS: fs})
	check(t, err)
	c.Store, c.Logf = store, t.Logf
	e, err = s3.Open(s3.Config{Config: c, Dir: fs.PathJoin(dir, "s3"), FS: fs})
	check(t, err)
	return e, sync.OnceFunc(func() {
		e.Close()
		e.Close()
		check(t, store.Close())
	})
}

// tryOpen is open without a test.
func tryOpen(fs vfs.FS, dir string) (*s3.Engine, *kv.Store, error) {
	store, err := kv.Open(fs.PathJoin(dir, "db"), kv.Options{FS: fs})
	if err != nil {
		return nil, nil, err
	}
	e, err := s3.Open(s3.Config{Config: engine.Config{Store: store}, Dir: fs.PathJoin(dir, "s3"), FS: fs})
	return e, store, err
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// big repeats s until it is too large to lie in the store.
func big(s string) string { return strings.Repeat(s+";", 40<<10/(len(s)+1)) }

func put(e *s3.Engine, key, body string) error {
	_, err := e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: key, Body: strings.NewReader(body), Size: int64(len(body))})
	return err
}

func get(e *s3.Engine, key string) (string, error) {
	_, c, err := e.GetObject(s3.GetObjectInput{Bucket: "bkt", Key: key})
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), errors.Join(err, c.Close())
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var e *awswire.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %v, want %s", err, code)
	}
}

// bodies names the files that hold objects.
func bodies(t testing.TB, fs vfs.FS, dir string) []string {
	t.Helper()
	tmp, err := fs.List(fs.PathJoin(dir, "s3", "tmp"))
	check(t, err)
	if len(tmp) > 0 {
		t.Errorf("temporary files are left: %v", tmp)
	}
	list, err := fs.List(fs.PathJoin(dir, "s3", "bodies"))
	check(t, err)
	return list
}

func TestRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, stop := open(t, vfs.Default, dir, clock.Real())
	check(t, e.CreateBucket("bkt", "us-east-1"))
	check(t, put(e, "k", big("hello")))
	check(t, put(e, "gone", "x"))
	check(t, e.DeleteObject("bkt", "gone", s3.Conditions{}))
	check(t, e.PutBucketCORS("bkt", []s3.CORSRule{{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET"}}}))
	u := &s3.MultipartUpload{Bucket: "bkt", Key: "up"}
	check(t, e.CreateMultipartUpload(u))
	part, err := e.UploadPart(s3.UploadPartInput{Bucket: "bkt", Key: "up", UploadID: u.ID, Number: 1, Body: strings.NewReader(big("part")), Size: -1})
	check(t, err)
	stop()

	// What a process that was killed may leave: a draft, and a body without record.
	for _, name := range []string{"tmp/draft", "bodies/orphan"} {
		f, err := vfs.Default.Create(vfs.Default.PathJoin(dir, "s3", name), vfs.WriteCategoryUnspecified)
		check(t, err)
		check(t, f.Close())
	}
	e, stop = open(t, vfs.Default, dir, clock.Real())
	defer stop()
	if body, err := get(e, "k"); err != nil || body != big("hello") {
		t.Errorf("after the restart: %.20q, %v", body, err)
	}
	_, err = get(e, "gone")
	wantCode(t, err, "NoSuchKey")
	if b, err := e.Bucket("bkt"); err != nil || len(b.CORS) != 1 {
		t.Errorf("bucket %+v, %v", b, err)
	}
	if n := len(bodies(t, vfs.Default, dir)); n != 2 {
		t.Errorf("%d bodies, want the object's and the part's", n)
	}
	_, err = e.CompleteMultipartUpload(s3.CompleteMultipartUploadInput{Bucket: "bkt", Key: "up", UploadID: u.ID, Parts: []s3.CompletedPart{{Number: 1, ETag: part.ETag}}, Size: -1})
	check(t, err)
	if body, err := get(e, "up"); err != nil || body != big("part") {
		t.Errorf("completed after the restart: %.20q, %v", body, err)
	}
}

// Overwritten, deleted and refused bodies leave no file; one that is being read
// stays until it is closed.
func TestBodiesAreFreed(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	fs.UseWindowsSemantics(true) // which refuses to remove open files
	e, stop := open(t, fs, "", clock.Real())
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	check(t, put(e, "k", big("one")))
	_, c, err := e.GetObject(s3.GetObjectInput{Bucket: "bkt", Key: "k"})
	check(t, err)
	first := make([]byte, 1)
	_, err = io.ReadFull(c, first)
	check(t, err)
	check(t, put(e, "k", big("two")))
	check(t, e.DeleteObject("bkt", "k", s3.Conditions{}))
	rest, err := io.ReadAll(c)
	check(t, err)
	if got := string(first) + string(rest); got != big("one") {
		t.Errorf("the reader got %.20q", got)
	}
	if n := len(bodies(t, fs, "")); n != 1 {
		t.Errorf("%d bodies while one is read", n)
	}
	check(t, c.Close())
	check(t, c.Close())
	_, err = e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "k", Body: strings.NewReader(big("x")), Size: 50 << 10})
	wantCode(t, err, "IncompleteBody")
	_, err = e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "k", Body: strings.NewReader(big("x")), Size: -1, Expected: s3.ExpectedDigests{MD5: make([]byte, 16)}})
	wantCode(t, err, "BadDigest")
	old, err := e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "old", Body: strings.NewReader("x"), Size: 1})
	check(t, err)
	_, err = e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "old", Body: onRead(func() { check(t, e.DeleteObject("bkt", "old", s3.Conditions{})) }), Size: -1, Conditions: s3.Conditions{IfMatch: old.ETag}})
	wantCode(t, err, "NoSuchKey") // the condition held at first, and not at the end
	if list := bodies(t, fs, ""); len(list) != 0 {
		t.Errorf("bodies are left: %v", list)
	}
}

// onRead is an empty body that calls f when it is read.
type onRead func()

func (f onRead) Read([]byte) (int, error) { f(); return 0, io.EOF }

// Expired objects are deleted after each midnight.
func TestLifecyclePass(t *testing.T) {
	t.Parallel()
	fs, c := vfs.NewMem(), clock.NewManual(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	ended := make(chan error, 1)
	e, stop := openConfig(t, fs, "", engine.Config{Clock: c, PassEnded: func(_ string, err error) { ended <- err }})
	check(t, <-ended) // the one at the start
	check(t, e.CreateBucket("bkt", "us-east-1"))
	check(t, e.PutBucketLifecycle("bkt", []s3.LifecycleRule{{ID: "r", Prefix: "tmp/", Days: 1}}, ""))
	for i := range 450 { // more than one step
		check(t, put(e, fmt.Sprintf("tmp/%d", i), big("x")))
	}
	check(t, put(e, "kept", big("x")))
	c.Advance(12 * time.Hour)
	check(t, <-ended)
	c.Advance(24 * time.Hour) // 1 January noon, a day, rounded up: 3 January
	if _, err := get(e, "tmp/0"); err != nil {
		// At the very midnight it is over.
		wantCode(t, err, "NoSuchKey")
	} else {
		t.Error("there at the midnight that ends it")
	}
	check(t, <-ended)
	stop() // waits for the removal of the files
	if n := len(bodies(t, fs, "")); n != 1 {
		t.Errorf("%d bodies after the pass, want 1", n)
	}
}

// A large object streams through memory that doesn't grow with it.
func TestStreamInConstantMemory(t *testing.T) {
	dir := t.TempDir()
	e, stop := open(t, vfs.Default, dir, clock.Real())
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	const size = 200 << 20
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	o, err := e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "large", Body: io.LimitReader(zeros{}, size), Size: size})
	check(t, err)
	got, c, err := e.GetObject(s3.GetObjectInput{Bucket: "bkt", Key: "large"})
	check(t, err)
	n, err := io.Copy(io.Discard, c)
	check(t, errors.Join(err, c.Close()))
	runtime.ReadMemStats(&after)
	if n != size || got.ETag != o.ETag {
		t.Errorf("read %d bytes, ETag %s, wrote ETag %s", n, got.ETag, o.ETag)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 20<<20 {
		t.Errorf("%d MB allocated for %d MB", used>>20, size>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
