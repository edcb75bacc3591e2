package s3_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// bucketModel is what a bucket is, in the plainest terms.
type bucketModel struct {
	objects map[string]string // bytes by key
	uploads map[string]*uploadModel
}

type uploadModel struct {
	key   string
	parts map[int]*s3.UploadedPart
	data  map[int]string
}

// modelRun is an engine beside its model.
type modelRun struct {
	fs    *vfs.MemFS
	clock *clock.Manual
	e     *s3.Engine
	stop  func()
	m     bucketModel
}

var modelKey = rapid.StringMatching(`[ab/]{1,3}|é|a\x00b`)

// modelBody is small or in a file, and sometimes empty.
func modelBody(t *rapid.T) string {
	return strings.Repeat(rapid.StringMatching(`[a-z]{0,3}`).Draw(t, "text"), rapid.SampledFrom([]int{1, 20 << 10}).Draw(t, "times"))
}

func modelCode(err error) string {
	var e *awswire.Error
	if err == nil || !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// TestModel does random things to an engine and to the model, and compares what
// they show: objects, ranges of them, lists page by page, uploads, and how many
// files there are.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := &modelRun{fs: vfs.NewMem(), clock: clock.NewManual(time.Unix(1e9, 0)), m: bucketModel{map[string]string{}, map[string]*uploadModel{}}}
		r.e, r.stop = open(t, r.fs, "", r.clock)
		defer func() { r.stop() }()
		check(t, r.e.CreateBucket("bkt", "us-east-1"))
		rt.Repeat(map[string]func(*rapid.T){
			"put": r.put, "put if": r.putIf, "delete": r.delete, "copy": r.copy, "get range": r.getRange,
			"begin upload": r.begin, "part": r.part, "complete": r.complete, "abort": r.abort,
			"list": r.list, "restart": func(*rapid.T) { r.stop(); r.e, r.stop = open(t, r.fs, "", r.clock) },
			"": func(rt *rapid.T) { r.compare(t, rt) },
		})
	})
}

func (r *modelRun) put(t *rapid.T) {
	key, body := modelKey.Draw(t, "key"), modelBody(t)
	if err := put(r.e, key, body); err != nil {
		t.Fatal(err)
	}
	r.m.objects[key] = body
}

func (r *modelRun) putIf(t *rapid.T) {
	key, body := modelKey.Draw(t, "key"), modelBody(t)
	_, there := r.m.objects[key]
	_, err := r.e.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: key, Body: strings.NewReader(body), Size: -1, Conditions: s3.Conditions{IfNoneMatch: "*"}})
	if there != (modelCode(err) == "PreconditionFailed") || !there && err != nil {
		t.Fatalf("there %v, error %v", there, err)
	}
	if !there {
		r.m.objects[key] = body
	}
}

func (r *modelRun) delete(t *rapid.T) {
	keys := rapid.SliceOfN(modelKey, 1, 3).Draw(t, "keys")
	var in []s3.ObjectIdentifier
	for _, k := range keys {
		in = append(in, s3.ObjectIdentifier{Key: k})
		delete(r.m.objects, k)
	}
	errs, err := r.e.DeleteObjects("bkt", in)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
}

func (r *modelRun) copy(t *rapid.T) {
	from, to := modelKey.Draw(t, "from"), modelKey.Draw(t, "to")
	body, there := r.m.objects[from]
	_, err := r.e.CopyObject(s3.CopyObjectInput{Source: s3.GetObjectInput{Bucket: "bkt", Key: from}, Destination: s3.PutObjectInput{Bucket: "bkt", Key: to}, ReplaceMetadata: true})
	if there != (err == nil) || !there && modelCode(err) != "NoSuchKey" {
		t.Fatalf("there %v, error %v", there, err)
	}
	if there {
		r.m.objects[to] = body
	}
}

func (r *modelRun) getRange(t *rapid.T) {
	key := modelKey.Draw(t, "key")
	body, there := r.m.objects[key]
	if !there || body == "" {
		return
	}
	first := rapid.IntRange(0, len(body)-1).Draw(t, "first")
	last := rapid.IntRange(first, len(body)+5).Draw(t, "last")
	_, c, err := r.e.GetObject(s3.GetObjectInput{Bucket: "bkt", Key: key, Range: &s3.Range{First: int64(first), Last: int64(last)}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if want := body[first:min(last+1, len(body))]; string(got) != want || errors.Join(err, c.Close()) != nil {
		t.Fatalf("%d-%d of %d: %d bytes, %v", first, last, len(body), len(got), err)
	}
}

func (r *modelRun) begin(t *rapid.T) {
	u := &s3.MultipartUpload{Bucket: "bkt", Key: modelKey.Draw(t, "key"), Algorithm: rapid.SampledFrom([]s3.Algorithm{"", s3.CRC32, s3.SHA256}).Draw(t, "algorithm")}
	if err := r.e.CreateMultipartUpload(u); err != nil {
		t.Fatal(err)
	}
	r.m.uploads[u.ID] = &uploadModel{key: u.Key, parts: map[int]*s3.UploadedPart{}, data: map[int]string{}}
}

// upload picks one of those under way.
func (r *modelRun) upload(t *rapid.T) (string, *uploadModel) {
	if len(r.m.uploads) == 0 {
		return "", nil
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(r.m.uploads))).Draw(t, "upload")
	return id, r.m.uploads[id]
}

func (r *modelRun) part(t *rapid.T) {
	id, u := r.upload(t)
	if u == nil {
		return
	}
	n, body := rapid.IntRange(1, 2).Draw(t, "number"), modelBody(t)
	p, err := r.e.UploadPart(s3.UploadPartInput{Bucket: "bkt", Key: u.key, UploadID: id, Number: n, Body: strings.NewReader(body), Size: -1})
	if err != nil {
		t.Fatal(err)
	}
	u.parts[n], u.data[n] = p, body
}

// complete makes an object of one part: two would have to be of 5 MiB.
func (r *modelRun) complete(t *rapid.T) {
	id, u := r.upload(t)
	if u == nil || len(u.parts) == 0 {
		return
	}
	var list []s3.CompletedPart
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		c := s3.CompletedPart{Number: n, ETag: u.parts[n].ETag, Checksum: u.parts[n].Checksum}
		list = append(list, c)
	}
	small := len(list) > 1
	if small && rapid.Bool().Draw(t, "one") {
		list, small = list[:1], false
	}
	_, err := r.e.CompleteMultipartUpload(s3.CompleteMultipartUploadInput{Bucket: "bkt", Key: u.key, UploadID: id, Parts: list, Size: -1})
	if small {
		if modelCode(err) != "EntityTooSmall" {
			t.Fatalf("two small parts: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	r.m.objects[u.key] = u.data[list[0].Number]
	delete(r.m.uploads, id)
}

func (r *modelRun) abort(t *rapid.T) {
	id, u := r.upload(t)
	if u == nil {
		return
	}
	if err := r.e.AbortMultipartUpload("bkt", u.key, id); err != nil {
		t.Fatal(err)
	}
	delete(r.m.uploads, id)
}

// list compares a list, page by page, with a filter over the sorted keys.
func (r *modelRun) list(t *rapid.T) {
	in := s3.ListObjectsInput{
		Prefix:    rapid.SampledFrom([]string{"", "a", "/", "a/"}).Draw(t, "prefix"),
		Delimiter: rapid.SampledFrom([]string{"", "/", "b"}).Draw(t, "delimiter"),
		MaxKeys:   rapid.IntRange(1, 4).Draw(t, "max"),
	}
	var want []string
	for _, k := range slices.Sorted(maps.Keys(r.m.objects)) {
		if rest, ok := strings.CutPrefix(k, in.Prefix); ok {
			if head, _, cut := strings.Cut(rest, in.Delimiter); in.Delimiter != "" && cut {
				k = in.Prefix + head + in.Delimiter
			}
			if len(want) == 0 || want[len(want)-1] != k {
				want = append(want, k)
			}
		}
	}
	var got []string
	for more := true; more; more = in.After != "" {
		page, err := r.e.ListObjects("bkt", in)
		if err != nil {
			t.Fatal(err)
		}
		both := slices.Clone(page.Prefixes)
		for _, o := range page.Objects {
			both = append(both, o.Key)
		}
		slices.Sort(both)
		got, in.After = append(got, both...), page.Next
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("list %+v: %s", in, d)
	}
}

// compare holds everything that is there to the model.
func (r *modelRun) compare(t *testing.T, rt *rapid.T) {
	files := 0
	for key, want := range r.m.objects {
		got, n, err := whole(r.e, key)
		if files += n; got != want || err != nil {
			rt.Fatalf("%q is %.20q (%v), want %.20q", key, got, err, want)
		}
	}
	page, err := r.e.ListMultipartUploads("bkt", s3.ListMultipartUploadsInput{Max: 1000})
	if err != nil || len(page.Uploads) != len(r.m.uploads) {
		rt.Fatalf("%d uploads of %d, %v", len(page.Uploads), len(r.m.uploads), err)
	}
	for id, u := range r.m.uploads {
		_, parts, _, err := r.e.ListParts("bkt", u.key, id, 0, 10)
		if err != nil || len(parts) != len(u.parts) {
			rt.Fatalf("upload to %q: %d parts of %d, %v", u.key, len(parts), len(u.parts), err)
		}
		for _, p := range parts {
			if !p.Inline {
				files++
			}
		}
	}
	if n := len(bodies(t, r.fs, "")); n != files {
		rt.Fatal(fmt.Sprintf("%d files of %d bodies", n, files))
	}
}
