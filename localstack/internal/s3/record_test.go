package s3

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestRecord: an object's record says what it was made of, as its forerunner
// does, and cut short it isn't taken for whole.
func TestRecord(t *testing.T) {
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
		older, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var before Object
		if err := decodeObject(older, &before); err != nil || !reflect.DeepEqual(before, o) {
			t.Errorf("of JSON: %+v, %v; want %+v", before, err, o)
		}
	}
}

// FuzzRecord: no damage makes decoding panic, or take memory without bound.
func FuzzRecord(f *testing.F) {
	f.Add(encodeObject(&Object{Key: "k", Metadata: map[string]string{"m": "v"}, Tags: []Tag{{"k", "v"}}, Parts: []Part{{ID: "p", Size: 1}}}))
	f.Add([]byte{recordVersion, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var o, again Object
		if len(b) > 0 && b[0] == '{' || decodeObject(b, &o) != nil {
			return
		}
		if err := decodeObject(encodeObject(&o), &again); err != nil || !reflect.DeepEqual(o, again) {
			t.Fatalf("%+v is encoded as %+v, %v", o, again, err)
		}
	})
}
