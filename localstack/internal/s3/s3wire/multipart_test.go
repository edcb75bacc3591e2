package s3wire_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/errandhq/errand/localstack/internal/s3"
)

// noise is n bytes that don't compress or repeat.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

// upload stores parts under a key and returns what completing it takes.
func (w *world) upload(t *testing.T, key string, parts [][]byte, create func(*awss3.CreateMultipartUploadInput)) *awss3.CompleteMultipartUploadInput {
	t.Helper()
	in := &awss3.CreateMultipartUploadInput{Bucket: aws.String("bkt"), Key: &key, Metadata: map[string]string{"m": "1"}, ContentType: aws.String("text/plain")}
	if create != nil {
		create(in)
	}
	u, err := w.CreateMultipartUpload(ctx, in)
	check(t, err)
	out := &awss3.CompleteMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, UploadId: u.UploadId, MultipartUpload: &types.CompletedMultipartUpload{}}
	for i, p := range parts {
		part, err := w.UploadPart(ctx, &awss3.UploadPartInput{Bucket: in.Bucket, Key: in.Key, UploadId: u.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(p), ChecksumAlgorithm: in.ChecksumAlgorithm})
		check(t, err)
		done := types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: part.ETag}
		if in.ChecksumAlgorithm != "" { // an upload begun without takes none here
			done.ChecksumCRC32, done.ChecksumCRC32C, done.ChecksumCRC64NVME = part.ChecksumCRC32, part.ChecksumCRC32C, part.ChecksumCRC64NVME
			done.ChecksumSHA1, done.ChecksumSHA256 = part.ChecksumSHA1, part.ChecksumSHA256
		}
		out.MultipartUpload.Parts = append(out.MultipartUpload.Parts, done)
	}
	return out
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	data := noise(11 << 20)
	parts := [][]byte{data[:5<<20], data[5<<20 : 10<<20], data[10<<20:]}
	for _, tc := range []struct {
		alg types.ChecksumAlgorithm
		typ types.ChecksumType
	}{
		{"CRC32", "FULL_OBJECT"}, {"CRC32", "COMPOSITE"}, {"CRC32C", "FULL_OBJECT"}, {"CRC64NVME", "FULL_OBJECT"}, {"SHA256", "COMPOSITE"},
	} {
		key := string(tc.alg) + string(tc.typ)
		done, err := w.CompleteMultipartUpload(ctx, w.upload(t, key, parts, func(in *awss3.CreateMultipartUploadInput) {
			in.ChecksumAlgorithm, in.ChecksumType = tc.alg, tc.typ
		}))
		check(t, err)
		body, out := w.get(t, key) // the SDK checks a whole object's checksum
		if body != string(data) || out.Metadata["m"] != "1" || *out.ContentType != "text/plain" {
			t.Fatalf("%s: other bytes or metadata than stored", key)
		}
		// md5sum of the parts' MD5s, and their number.
		if *out.ETag != *done.ETag || !strings.HasSuffix(*out.ETag, `-3"`) {
			t.Errorf("%s: ETag %s, completed as %s", key, *out.ETag, *done.ETag)
		}
		head, err := w.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("bkt"), Key: &key, ChecksumMode: types.ChecksumModeEnabled})
		check(t, err)
		if head.ChecksumType != tc.typ || strings.HasSuffix(sumOf(head), "-3") != (tc.typ == "COMPOSITE") {
			t.Errorf("%s: %s of type %s", key, sumOf(head), head.ChecksumType)
		}
		if tc.typ == "FULL_OBJECT" {
			whole, err := w.engine.PutObject(s3.PutObjectInput{Bucket: "bkt", Key: "whole", Body: bytes.NewReader(data), Size: -1, Expected: s3.ExpectedDigests{Algorithm: s3.Algorithm(tc.alg)}})
			check(t, err)
			if sumOf(head) != whole.Checksum.Value {
				t.Errorf("%s: checksum %s, of the whole it is %s", key, sumOf(head), whole.Checksum.Value)
			}
		}
	}
	// Ranges over the seams, and parts by number.
	const key = "CRC32FULL_OBJECT"
	got, _ := w.get(t, key, func(in *awss3.GetObjectInput) { in.Range = aws.String("bytes=5242870-10485770") })
	if got != string(data[5242870:10485771]) {
		t.Error("a range over two seams is wrong")
	}
	got, out := w.get(t, key, func(in *awss3.GetObjectInput) { in.PartNumber = aws.Int32(2) })
	if got != string(parts[1]) || *out.PartsCount != 3 {
		t.Error("part 2 is wrong")
	}
	_, err := w.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("bkt"), Key: aws.String(key), PartNumber: aws.Int32(4)})
	wantError(t, err, "InvalidPartNumber")
}

func TestMultipartRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	small := w.upload(t, "small", [][]byte{[]byte("one"), []byte("two")}, nil)
	_, err := w.CompleteMultipartUpload(ctx, small)
	wantError(t, err, "EntityTooSmall")
	parts := small.MultipartUpload.Parts
	small.MultipartUpload.Parts = []types.CompletedPart{parts[1], parts[0]}
	_, err = w.CompleteMultipartUpload(ctx, small)
	wantError(t, err, "InvalidPartOrder")
	small.MultipartUpload.Parts = []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: parts[1].ETag}}
	_, err = w.CompleteMultipartUpload(ctx, small)
	wantError(t, err, "InvalidPart")
	w.absent(t, "small")

	// Completing with one of the parts drops the other; again answers the same.
	small.MultipartUpload.Parts = parts[1:]
	first, err := w.CompleteMultipartUpload(ctx, small)
	check(t, err)
	again, err := w.CompleteMultipartUpload(ctx, small)
	check(t, err)
	if *first.ETag != *again.ETag {
		t.Errorf("completed as %s, then as %s", *first.ETag, *again.ETag)
	}
	if body, _ := w.get(t, "small"); body != "two" {
		t.Errorf("object %q", body)
	}

	gone := w.upload(t, "gone", [][]byte{[]byte("one")}, nil)
	list, err := w.ListParts(ctx, &awss3.ListPartsInput{Bucket: gone.Bucket, Key: gone.Key, UploadId: gone.UploadId})
	check(t, err)
	if len(list.Parts) != 1 || *list.Parts[0].Size != 3 {
		t.Errorf("parts %+v", list.Parts)
	}
	uploads, err := w.ListMultipartUploads(ctx, &awss3.ListMultipartUploadsInput{Bucket: gone.Bucket})
	check(t, err)
	if len(uploads.Uploads) != 1 || *uploads.Uploads[0].Key != "gone" {
		t.Errorf("uploads %+v", uploads.Uploads)
	}
	_, err = w.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: gone.Bucket, Key: gone.Key, UploadId: gone.UploadId})
	check(t, err)
	_, err = w.CompleteMultipartUpload(ctx, gone)
	wantError(t, err, "NoSuchUpload")
	_, err = w.UploadPart(ctx, &awss3.UploadPartInput{Bucket: gone.Bucket, Key: gone.Key, UploadId: gone.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
	wantError(t, err, "NoSuchUpload")
}

func TestCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "a b+c", "hello", func(in *awss3.PutObjectInput) { in.Metadata = map[string]string{"n": "1"} })
	cp := func(c func(*awss3.CopyObjectInput)) (*awss3.CopyObjectOutput, error) {
		in := &awss3.CopyObjectInput{Bucket: aws.String("bkt"), Key: aws.String("copy"), CopySource: aws.String("bkt/a%20b%2Bc")}
		c(in)
		return w.CopyObject(ctx, in)
	}
	out, err := cp(func(*awss3.CopyObjectInput) {})
	check(t, err)
	if *out.CopyObjectResult.ETag != `"5d41402abc4b2a76b9719d911017c592"` {
		t.Errorf("ETag %s", *out.CopyObjectResult.ETag)
	}
	if body, got := w.get(t, "copy"); body != "hello" || got.Metadata["n"] != "1" {
		t.Errorf("%q %v", body, got.Metadata)
	}
	_, err = cp(func(in *awss3.CopyObjectInput) {
		in.MetadataDirective, in.Metadata, in.ChecksumAlgorithm = "REPLACE", map[string]string{"n": "2"}, "SHA256"
	})
	check(t, err)
	_, got := w.get(t, "copy", func(in *awss3.GetObjectInput) { in.ChecksumMode = types.ChecksumModeEnabled })
	if got.Metadata["n"] != "2" || got.ChecksumSHA256 == nil || *got.ChecksumSHA256 != helloSums["SHA256"] {
		t.Errorf("%v %v", got.Metadata, got.ChecksumSHA256)
	}
	_, err = cp(func(in *awss3.CopyObjectInput) { in.CopySourceIfMatch = aws.String("other") })
	wantError(t, err, "PreconditionFailed")
	_, err = cp(func(in *awss3.CopyObjectInput) { in.CopySourceIfNoneMatch = out.CopyObjectResult.ETag })
	wantError(t, err, "PreconditionFailed")
	_, err = cp(func(in *awss3.CopyObjectInput) { in.IfNoneMatch = aws.String("*") })
	wantError(t, err, "PreconditionFailed")
	_, err = cp(func(in *awss3.CopyObjectInput) { in.CopySource = aws.String("https://s3.amazonaws.com/bkt/a%20b%2Bc") })
	check(t, err)
	_, err = cp(func(in *awss3.CopyObjectInput) { in.CopySource = aws.String("bkt/https://s3.amazonaws.com/bkt/none") })
	wantError(t, err, "NoSuchKey")
	_, err = cp(func(in *awss3.CopyObjectInput) { in.CopySource = aws.String("bkt/none") })
	wantError(t, err, "NoSuchKey")
	_, err = cp(func(in *awss3.CopyObjectInput) { in.CopySource = aws.String("bkt/copy") })
	wantError(t, err, "InvalidRequest")

	u, err := w.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: aws.String("bkt"), Key: aws.String("parts")})
	check(t, err)
	part, err := w.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{Bucket: aws.String("bkt"), Key: aws.String("parts"), UploadId: u.UploadId, PartNumber: aws.Int32(1), CopySource: aws.String("bkt/copy"), CopySourceRange: aws.String("bytes=1-3")})
	check(t, err)
	_, err = w.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: aws.String("bkt"), Key: aws.String("parts"), UploadId: u.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.CopyPartResult.ETag}}}})
	check(t, err)
	if body, _ := w.get(t, "parts"); body != "ell" {
		t.Errorf("part copy: %q", body)
	}
}
