package s3_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// TestOpaqueETags: only a body whose SHA-256 is computed anyway has an ETag that isn't its MD5,
// and what was said of a body is checked all the same.
func TestOpaqueETags(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	store, err := kv.Open("db", kv.Options{FS: fs})
	check(t, err)
	e, err := s3.Open(s3.Config{Config: engine.Config{Store: store, Logf: t.Logf}, Dir: "s3", FS: fs, OpaqueETags: true})
	check(t, err)
	defer func() {
		e.Close()
		check(t, store.Close())
	}()
	check(t, e.CreateBucket("bucket", "us-east-1"))
	for _, body := range []string{"small", big("large"), strings.Repeat("larger", 1<<18)} {
		isMD5 := md5.Sum([]byte(body))
		sum := sha256.Sum256([]byte(body))
		value := base64.StdEncoding.EncodeToString(sum[:])
		checksum := s3.ExpectedDigests{Algorithm: s3.SHA256, Value: func() string { return value }}
		signed := s3.ExpectedDigests{SHA256: hex.EncodeToString(sum[:])}
		both := checksum
		both.MD5 = isMD5[:]
		opaque := hex.EncodeToString(sum[:16])
		for name, tt := range map[string]struct {
			expected s3.ExpectedDigests
			want     string
		}{
			"nothing": {s3.ExpectedDigests{}, hex.EncodeToString(isMD5[:])},
			"CRC32":   {s3.ExpectedDigests{Algorithm: s3.CRC32}, hex.EncodeToString(isMD5[:])},
			"MD5":     {both, hex.EncodeToString(isMD5[:])},
			"SHA-256": {checksum, opaque}, "signed": {signed, opaque},
		} {
			put := func(body string) (*s3.Object, error) {
				return e.PutObject(s3.PutObjectInput{Bucket: "bucket", Key: name, Body: strings.NewReader(body), Size: int64(len(body)), Expected: tt.expected})
			}
			o, err := put(body)
			check(t, err)
			if o.ETag != tt.want {
				t.Errorf("%d bytes with %s: the ETag is %s, want %s", len(body), name, o.ETag, tt.want)
			}
			if _, err := put(body[1:] + "x"); (err != nil) != (tt.expected.MD5 != nil || tt.expected.Value != nil || tt.expected.SHA256 != "") {
				t.Errorf("other bytes with %s: %v", name, err)
			}
			if name == "SHA-256" {
				_, content, err := e.GetObject(s3.GetObjectInput{Bucket: "bucket", Key: name, Conditions: s3.Conditions{IfMatch: opaque}})
				check(t, err)
				got, err := io.ReadAll(content)
				check(t, err)
				check(t, content.Close())
				if string(got) != body {
					t.Errorf("got %d other bytes", len(got))
				}
			}
		}
	}
}
