package s3wire_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestSHA256AfterRestart: an object that was sent with its SHA-256 has the same ETag and
// checksum after a restart, also of a server whose ETags are MD5s. One that the disk has changed
// meanwhile is never read whole, and has no checksum from then on, until it is sent again.
func TestSHA256AfterRestart(t *testing.T) {
	t.Parallel()
	contents := map[string]string{"small": "hello", "large": strings.Repeat("larger ", 10_000), "long": strings.Repeat("long ", 1<<20)}
	fs, etags := vfs.NewMem(), map[string]string{}
	t.Run("first", func(t *testing.T) {
		w := newWorld(t, config{fs: fs, opaque: true})
		for key, body := range contents {
			put, err := w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: &key, Body: strings.NewReader(body), ChecksumSHA256: aws.String(sha256Of(body))})
			check(t, err)
			etags[key] = *put.ETag
			if sum := sha256.Sum256([]byte(body)); etags[key] != fmt.Sprintf(`"%x"`, sum[:16]) {
				t.Errorf("%s: the ETag is %s", key, etags[key])
			}
		}
	})
	for _, opaque := range []bool{true, false} {
		t.Run(fmt.Sprint("opaque ", opaque), func(t *testing.T) {
			w := newWorld(t, config{fs: fs, opaque: opaque})
			for key, body := range contents {
				w.wantSHA256(t, key, body, etags[key])
			}
		})
	}
	damageBodies(t, fs)
	t.Run("damaged", func(t *testing.T) {
		w := newWorld(t, config{fs: fs, opaque: true})
		w.wantSHA256(t, "small", "hello", etags["small"]) // it lies in the store
		for _, key := range []string{"large", "long"} {
			presigned, err := awss3.NewPresignClient(w.Client).PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: &key})
			check(t, err)
			resp, err := http.Get(presigned.URL)
			check(t, err)
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK && err == nil || len(b) >= len(contents[key]) {
				t.Errorf("%s: HTTP %d, %d of %d bytes", key, resp.StatusCode, len(b), len(contents[key]))
			}
			if sum := w.headSHA256(t, key); sum != "" {
				t.Errorf("%s has the checksum %s, after it was found damaged", key, sum)
			}
			w.put(t, key, contents[key], func(in *awss3.PutObjectInput) { in.ChecksumSHA256 = aws.String(sha256Of(contents[key])) })
			if sum := w.headSHA256(t, key); sum != sha256Of(contents[key]) {
				t.Errorf("%s has the checksum %q, after it was sent again", key, sum)
			}
			w.wantSHA256(t, key, contents[key], etags[key])
		}
	})
}

func sha256Of(body string) string {
	sum := sha256.Sum256([]byte(body))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// headSHA256 is the SHA-256 of an object by its headers.
func (w *world) headSHA256(t *testing.T, key string) string {
	t.Helper()
	head, err := w.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("bkt"), Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	check(t, err)
	return aws.ToString(head.ChecksumSHA256)
}

// wantSHA256 reads an object as a client that asks for its checksum, which the SDK compares.
func (w *world) wantSHA256(t *testing.T, key, body, etag string) {
	t.Helper()
	out, err := w.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: &key, IfMatch: &etag, ChecksumMode: types.ChecksumModeEnabled})
	check(t, err)
	got, err := io.ReadAll(out.Body)
	if err = errors.Join(err, out.Body.Close()); err != nil || string(got) != body {
		t.Errorf("%s: got %d bytes, %v", key, len(got), err)
	}
	if out.ChecksumSHA256 == nil || *out.ChecksumSHA256 != sha256Of(body) || out.ChecksumType != types.ChecksumTypeFullObject || *out.ETag != etag {
		t.Errorf("%s: checksum %v (%s), ETag %s; want ETag %s", key, aws.ToString(out.ChecksumSHA256), out.ChecksumType, *out.ETag, etag)
	}
}

// damageBodies changes a byte of each object's file.
func damageBodies(t *testing.T, fs vfs.FS) {
	t.Helper()
	dir := fs.PathJoin("s3", "bodies")
	names, err := fs.List(dir)
	check(t, err)
	if len(names) != 2 {
		t.Errorf("files %v", names)
	}
	for _, name := range names {
		f, err := fs.OpenReadWrite(fs.PathJoin(dir, name), vfs.WriteCategoryUnspecified)
		check(t, err)
		_, err = f.WriteAt([]byte("!"), 1000)
		check(t, errors.Join(err, f.Close()))
	}
}
