package s3_test

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// A small disk is one that tells how much is free.
type smallDisk struct {
	vfs.FS
	free    atomic.Uint64
	created atomic.Int64 // bodies
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load(), TotalBytes: 1 << 40}, nil
}

func (d *smallDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.Contains(name, "s3/tmp/") {
		d.created.Add(1)
	}
	return d.FS.Create(name, c)
}

// fill leaves too little room, and makes the store look at it.
func (d *smallDisk) fill(t *testing.T, e *s3.Engine) {
	t.Helper()
	d.free.Store(1 << 20)
	var err error
	for i := 0; i < 1000 && err == nil; i++ { // it looks now and then
		err = put(e, "filler", "small")
	}
	wantCode(t, err, "InsufficientStorage")
}

// onEnd is a body that calls f at its end.
type onEnd struct {
	io.Reader
	f func()
}

func (r onEnd) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err == io.EOF {
		r.f()
	}
	return n, err
}

// TestDiskNearlyFull: what the store would refuse takes none of the space that
// is left, whether the disk was full when the body began or is when it ends;
// and once there is space, all is well.
func TestDiskNearlyFull(t *testing.T) {
	t.Parallel()
	disk := &smallDisk{FS: vfs.NewMem()}
	disk.free.Store(1 << 40)
	e, stop := open(t, disk, "", clock.Real())
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	check(t, put(e, "k", big("before")))
	u := &s3.MultipartUpload{Bucket: "bkt", Key: "up"}
	check(t, e.CreateMultipartUpload(u))
	putBody := func(r io.Reader) error {
		_, err := e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "k", Body: r, Size: -1})
		return err
	}
	putPart := func(r io.Reader) error {
		_, err := e.UploadPart(s3.UploadPartInput{Bucket: "bkt", Key: "up", UploadID: u.ID, Number: 1, Body: r, Size: -1})
		return err
	}
	for name, write := range map[string]func(io.Reader) error{"put": putBody, "part": putPart} {
		disk.free.Store(1 << 40)
		wantCode(t, write(onEnd{strings.NewReader(big("during")), func() { disk.fill(t, e) }}), "InsufficientStorage")
		if list := bodies(t, disk, ""); len(list) != 1 {
			t.Errorf("%s that ended on a full disk: %d bodies, want the one from before", name, len(list))
		}
		created := disk.created.Load()
		wantCode(t, write(strings.NewReader(big("after"))), "InsufficientStorage")
		if disk.created.Load() != created {
			t.Errorf("%s on a full disk: its body was written", name)
		}
	}
	if body, err := get(e, "k"); err != nil || body != big("before") {
		t.Errorf("what was there before: %.20q, %v", body, err)
	}
	disk.free.Store(1 << 40)
	check(t, putBody(strings.NewReader(big("again"))))
	check(t, putPart(strings.NewReader(big("again"))))
}
