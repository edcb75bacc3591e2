package s3

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestRecord: an object's record says what it was made of, and cut short it
// isn't taken for whole.
func TestRecord(t *testing.T) {
	t.Parallel()
	for _, o := range []Object{
		{Key: "k", Parts: []Part{}, Modified: time.Unix(0, 0).UTC()},
		{
			Key: "a/\x00é", Size: 5 << 40, ETag: "5d41-2", Modified: time.Date(2026, 11, 25, 1, 2, 3, 456789, time.UTC),
			Checksum: Checksum{CRC64NVME, "AAAAAAAAAAA=", FullObject}, Headers: map[string]string{"Content-Type": "text/plain", "Expires": "0"},
			Metadata: map[string]string{"m": ""}, Tags: []Tag{{"k", "v"}, {"l", ""}}, StorageClass: "STANDARD_IA", Multipart: true, UploadID: "u",
			Parts: []Part{{ID: "one", Size: 5 << 20, Sum: "AA=="}, {ID: "two", Size: 1, Inline: true}},
		},
	} {
		b := encodeObject(&o)
		var got Object
		if err := decodeObject(b, &got); err != nil || !reflect.DeepEqual(got, o) {
			t.Errorf("%+v, %v; want %+v", got, err, o)
		}
		for i := range b {
			if decodeObject(b[:i], &Object{}) == nil {
				t.Errorf("cut at %d of %d bytes, it is read", i, len(b))
			}
		}
	}
}

// FuzzRecord: no damage makes decoding panic, or take memory without bound.
func FuzzRecord(f *testing.F) {
	f.Add(encodeObject(&Object{Key: "k", Metadata: map[string]string{"m": "v"}, Tags: []Tag{{"k", "v"}}, Parts: []Part{{ID: "p", Size: 1}}}))
	f.Add([]byte{recordVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var o, again Object
		if decodeObject(b, &o) != nil {
			return
		}
		if err := decodeObject(encodeObject(&o), &again); err != nil || !reflect.DeepEqual(o, again) {
			t.Fatalf("%+v is encoded as %+v, %v", o, again, err)
		}
	})
}

// An engine refuses a data directory of before 0.1.0, and says so.
func TestOldRecordIsRefused(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	store, err := kv.Open("db", kv.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	b := store.NewBatch()
	b.Set(store.Space(Space), objectKey("bkt", "k"), []byte(`{"Key":"k"}`))
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Config: engine.Config{Store: store}, Dir: "s3", FS: fs}); !errors.Is(err, errOldRecord) {
		t.Errorf("opened with %v, want %v", err, errOldRecord)
	}
}
