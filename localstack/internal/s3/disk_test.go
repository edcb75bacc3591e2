package s3_test

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// On a full disk a write fails with an error that says so, what was there
// stays, the space that was taken is given back, and with room again it works.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	var full atomic.Bool
	var fails atomic.Value // of operations on bodies; which one
	fails.Store(errorfs.OpFileWrite)
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == fails.Load() && strings.Contains(op.Path, "s3/") {
			return &os.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
		}
		return nil
	}))
	e, stop := open(t, fs, "", clock.Real())
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	check(t, put(e, "k", big("before")))
	u := &s3.MultipartUpload{Bucket: "bkt", Key: "up"}
	check(t, e.CreateMultipartUpload(u))
	for _, kind := range []errorfs.OpKind{errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileSync, errorfs.OpRename} {
		fails.Store(kind)
		full.Store(true)
		wantCode(t, put(e, "k", strings.Repeat(big("after"), 50)), "InsufficientStorage")
		_, err := e.UploadPart(s3.UploadPartInput{Bucket: "bkt", Key: "up", UploadID: u.ID, Number: 1, Body: strings.NewReader(big("part")), Size: -1})
		wantCode(t, err, "InsufficientStorage")
		full.Store(false)
		if body, err := get(e, "k"); err != nil || body != big("before") {
			t.Errorf("%v: after the full disk: %.20q, %v", kind, body, err)
		}
		if n := len(bodies(t, mem, "")); n != 1 {
			t.Errorf("%v: %d files, want the one from before", kind, n)
		}
	}
	check(t, put(e, "k", big("after")))
	if body, err := get(e, "k"); err != nil || body != big("after") {
		t.Errorf("with room again: %.20q, %v", body, err)
	}
}

// Bytes that the disk has changed are never given as if they were whole: the
// last of them are held back, and the error names the file.
func TestDamagedBody(t *testing.T) {
	t.Parallel()
	for _, alg := range s3.Algorithms {
		fs := vfs.NewMem()
		e, stop := open(t, fs, "", clock.Real())
		check(t, e.CreateBucket("bkt", "us-east-1"))
		body := strings.Repeat(big("x"), 20)
		_, err := e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "k", Body: strings.NewReader(body), Size: -1, Expected: s3.ExpectedDigests{Algorithm: alg}})
		check(t, err)
		damage(t, fs, func(b []byte) []byte { b[1000] ^= 1; return b })
		n, err := read(e, "k", nil)
		var damaged *s3.ErrDamaged
		if !errors.As(err, &damaged) || n >= len(body) {
			t.Errorf("%s: read %d of %d bytes, error %v", alg, n, len(body), err)
		}
		// A copy doesn't launder it.
		_, err = e.CopyObject(s3.CopyObjectInput{Source: s3.GetObjectInput{Bucket: "bkt", Key: "k"}, Destination: s3.PutObjectInput{Bucket: "bkt", Key: "copy"}})
		if err == nil {
			t.Errorf("%s: it was copied", alg)
		}
		// What isn't the whole can't be checked.
		if n, err := read(e, "k", &s3.Range{First: 5000, Last: 5009}); n != 10 || err != nil {
			t.Errorf("%s: range: %d bytes, %v", alg, n, err)
		}
		damage(t, fs, func(b []byte) []byte { return b[:len(b)-1] })
		if n, err := read(e, "k", nil); err == nil || n >= len(body) {
			t.Errorf("%s: cut short: read %d of %d bytes, error %v", alg, n, len(body), err)
		}
		stop()
	}
}

// Of an object with a composite checksum each part is held to its own.
func TestDamagedPart(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	e, stop := open(t, fs, "", clock.Real())
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	u := &s3.MultipartUpload{Bucket: "bkt", Key: "k", Algorithm: s3.SHA256}
	check(t, e.CreateMultipartUpload(u))
	p, err := e.UploadPart(s3.UploadPartInput{Bucket: "bkt", Key: "k", UploadID: u.ID, Number: 1, Body: strings.NewReader(big("x")), Size: -1})
	check(t, err)
	_, err = e.CompleteMultipartUpload(s3.CompleteMultipartUploadInput{Bucket: "bkt", Key: "k", UploadID: u.ID, Size: -1, Parts: []s3.CompletedPart{{Number: 1, ETag: p.ETag, Checksum: p.Checksum}}})
	check(t, err)
	if n, err := read(e, "k", nil); n != len(big("x")) || err != nil {
		t.Fatalf("undamaged: %d bytes, %v", n, err)
	}
	damage(t, fs, func(b []byte) []byte { b[7] ^= 1; return b })
	var damaged *s3.ErrDamaged
	if n, err := read(e, "k", nil); !errors.As(err, &damaged) {
		t.Errorf("read %d bytes, error %v", n, err)
	}
}

// damage changes the one file that there is.
func damage(t *testing.T, fs *vfs.MemFS, change func([]byte) []byte) {
	t.Helper()
	name := fs.PathJoin("s3", "bodies", bodies(t, fs, "")[0])
	f, err := fs.Open(name)
	check(t, err)
	b, err := io.ReadAll(f)
	check(t, errors.Join(err, f.Close()))
	f, err = fs.Create(name, vfs.WriteCategoryUnspecified)
	check(t, err)
	_, err = f.Write(change(b))
	check(t, errors.Join(err, f.Close()))
}

func read(e *s3.Engine, key string, r *s3.Range) (int, error) {
	_, c, err := e.GetObject(s3.GetObjectInput{Bucket: "bkt", Key: key, Range: r})
	if err != nil {
		return 0, err
	}
	b, err := io.ReadAll(c)
	return len(b), errors.Join(err, c.Close())
}
