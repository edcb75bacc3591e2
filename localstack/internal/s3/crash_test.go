package s3_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// syncFS calls hook before and after everything that is to reach the disk.
type syncFS struct {
	vfs.FS
	hook func()
	// lies says of which files a sync does nothing.
	lies func(name string) bool
}

func (fs *syncFS) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &syncFile{f, fs, fs.lies != nil && fs.lies(name)}, nil
}

func (fs *syncFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	return fs.wrap(name, f, err)
}

func (fs *syncFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	return fs.wrap(name, f, err)
}

func (fs *syncFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(from, to, c)
	return fs.wrap(to, f, err)
}

type syncFile struct {
	vfs.File
	fs   *syncFS
	lies bool
}

func (f *syncFile) at(sync func() error) error {
	f.fs.hook()
	defer f.fs.hook()
	if f.lies {
		return nil
	}
	return sync()
}

func (f *syncFile) Sync() error     { return f.at(f.File.Sync) }
func (f *syncFile) SyncData() error { return f.at(f.File.SyncData) }
func (f *syncFile) SyncTo(n int64) (full bool, err error) {
	err = f.at(func() error { full, err = f.File.SyncTo(n); return err })
	return full, err
}

// A step changes one key; its bytes are "" where it deletes, or changes nothing.
type step struct {
	key, want string
	do        func(*s3.Engine) error
}

// script covers each way by which bytes become visible and vanish, in the store
// and in files.
func script() []step {
	putStep := func(key, body string) step {
		return step{key, body, func(e *s3.Engine) error { return put(e, key, body) }}
	}
	remove := func(key string) step {
		return step{key, "", func(e *s3.Engine) error { return e.DeleteObject("bkt", key, s3.Conditions{}) }}
	}
	return []step{
		putStep("a", "small"), putStep("a", big("first")), putStep("b", big("second")), putStep("a", "small again"),
		remove("b"),
		{"c", big("parts"), func(e *s3.Engine) error { return multipart(e, "c", big("parts"), true) }},
		{"d", "", func(e *s3.Engine) error { return multipart(e, "d", big("never"), false) }},
		putStep("c", big("over parts")),
		{"e", big("over parts"), func(e *s3.Engine) error {
			_, err := e.CopyObject(s3.CopyObjectInput{Source: s3.GetObjectInput{Bucket: "bkt", Key: "c"}, Destination: s3.PutObjectInput{Bucket: "bkt", Key: "e"}})
			return err
		}},
		remove("c"), putStep("b", big("back")), remove("a"),
	}
}

// multipart uploads a body in one part, and completes or aborts.
func multipart(e *s3.Engine, key, body string, complete bool) error {
	u := &s3.MultipartUpload{Bucket: "bkt", Key: key}
	if err := e.CreateMultipartUpload(u); err != nil {
		return err
	}
	p, err := e.UploadPart(s3.UploadPartInput{Bucket: "bkt", Key: key, UploadID: u.ID, Number: 1, Body: strings.NewReader(body), Size: -1})
	if err != nil {
		return err
	}
	if !complete {
		return e.AbortMultipartUpload("bkt", key, u.ID)
	}
	_, err = e.CompleteMultipartUpload(s3.CompleteMultipartUploadInput{Bucket: "bkt", Key: key, UploadID: u.ID, Parts: []s3.CompletedPart{{Number: 1, ETag: p.ETag}}, Size: -1})
	return err
}

// A moment is what a power cut would leave, and what had been acknowledged.
type moment struct {
	disk  *vfs.MemFS
	acked map[string]string // by key; "" or absent: no object
	doing step              // under way: it may have happened or not
}

// record runs the script and cuts the power at every sync point, on copies.
func record(t *testing.T, noSync bool, lies func(string) bool, seed uint64) []moment {
	t.Helper()
	disk := vfs.NewCrashableMem()
	var mu sync.Mutex
	var moments []moment
	acked, doing, on := map[string]string{}, step{}, false
	cfg := vfs.CrashCloneCfg{}
	if seed > 0 {
		cfg = vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(seed, 1))}
	}
	fs := &syncFS{FS: disk, lies: lies, hook: func() {
		mu.Lock()
		defer mu.Unlock()
		if on {
			moments = append(moments, moment{disk.CrashClone(cfg), maps.Clone(acked), doing})
		}
	}}
	set := func(f func()) { mu.Lock(); defer mu.Unlock(); f() }
	e, stop := openWith(t, fs, noSync)
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	set(func() { on = true })
	for _, s := range script() {
		set(func() { doing = s })
		check(t, s.do(e))
		set(func() { acked[s.key], doing = s.want, step{} })
		fs.hook() // it is acknowledged: nothing may be missing now
	}
	set(func() { on = false })
	return moments
}

func openWith(t testing.TB, fs vfs.FS, noSync bool) (*s3.Engine, func()) {
	t.Helper()
	store, err := kv.Open("db", kv.Options{FS: fs, NoSync: noSync})
	check(t, err)
	e, err := s3.Open(s3.Config{Config: engine.Config{Store: store, Clock: clock.Real(), Logf: t.Logf}, Dir: "s3", FS: fs})
	check(t, err)
	return e, func() { e.Close(); check(t, store.Close()) }
}

// problems is what is wrong with the state that a power cut has left.
func (m moment) problems(t *testing.T) (list []string) {
	t.Helper()
	e, stop := openWith(t, m.disk, false)
	defer stop()
	if _, err := e.Bucket("bkt"); err != nil {
		return []string{err.Error()}
	}
	files := 0
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		got, n, err := whole(e, key)
		files += n
		if err != nil {
			list = append(list, fmt.Sprintf("%s: %v", key, err))
		} else if got != m.acked[key] && (m.doing.key != key || got != m.doing.want) {
			list = append(list, fmt.Sprintf("%s: %.20q, acknowledged was %.20q, under way %s %.20q", key, got, m.acked[key], m.doing.key, m.doing.want))
		}
	}
	page, err := e.ListMultipartUploads("bkt", s3.ListMultipartUploadsInput{Max: 10})
	check(t, err)
	for _, u := range page.Uploads {
		_, parts, _, err := e.ListParts("bkt", u.Key, u.ID, 0, 10)
		check(t, err)
		files += len(parts)
	}
	if n := len(bodies(t, m.disk, "")); n != files {
		list = append(list, fmt.Sprintf("%d files of %d bodies", n, files))
	}
	return list
}

// whole reads an object, "" if there is none, and says how many files it has.
func whole(e *s3.Engine, key string) (body string, files int, err error) {
	o, c, err := e.GetObject(s3.GetObjectInput{Bucket: "bkt", Key: key})
	if err != nil {
		if strings.HasPrefix(err.Error(), "NoSuchKey") {
			err = nil
		}
		return "", 0, err
	}
	for _, p := range o.Parts {
		if !p.Inline {
			files++
		}
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, c)
	return b.String(), files, errors.Join(err, c.Close())
}

// Wherever the power is cut, what was acknowledged is there, what was deleted
// isn't, nothing is half there, and no file is left over.
func TestPowerCutAtEverySync(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		moments := record(t, false, nil, seed)
		if len(moments) < 50 {
			t.Errorf("%d moments: the hook misses syncs", len(moments))
		}
		for i, m := range moments {
			for _, p := range m.problems(t) {
				t.Errorf("seed %d, moment %d of %d: %s", seed, i, len(moments), p)
			}
		}
	}
}

// The check above sees a store that answers before it has synced, and bodies
// or their directory that aren't synced.
func TestPowerCutCheckSees(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		noSync bool
		lies   func(string) bool
	}{
		"no sync of the store":         {noSync: true},
		"no sync of bodies":            {lies: func(name string) bool { return strings.Contains(name, "s3/tmp/") }},
		"no sync of their directory":   {lies: func(name string) bool { return strings.HasSuffix(name, "s3/bodies") }},
		"no sync of the store's files": {lies: func(name string) bool { return strings.HasSuffix(name, ".log") }},
	} {
		t.Run(name, func(t *testing.T) {
			moments := record(t, tc.noSync, tc.lies, 0)
			last := moments[len(moments)-1:]
			for _, m := range append(moments, last...) {
				if len(m.problems(t)) > 0 {
					return
				}
			}
			t.Error("nothing is found wrong")
		})
	}
}
