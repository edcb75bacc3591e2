package s3wire_test

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

// send serves a request without a signature.
func (w *world) send(method, path, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	maps.Copy(r.Header, header)
	rec := httptest.NewRecorder()
	s3wire.New(w.engine, s3wire.Options{}).ServeHTTP(rec, r)
	return rec
}

func TestCopySourcePlusIsSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "test key.txt", "x")
	for source, want := range map[string]int{"bkt/test+key.txt": 200, "bkt/test%20key.txt": 200, "bkt/test%2Bkey.txt": 404} {
		if rec := w.send("PUT", "/bkt/copy", "", http.Header{"X-Amz-Copy-Source": {source}}); rec.Code != want {
			t.Errorf("%s: %d %s", source, rec.Code, rec.Body)
		}
	}
}

func TestPutBucketEncryption(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	put := func(algorithm types.ServerSideEncryption) error {
		_, err := w.PutBucketEncryption(ctx, &awss3.PutBucketEncryptionInput{Bucket: aws.String("bkt"), ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: algorithm}}},
		}})
		return err
	}
	check(t, put(types.ServerSideEncryptionAes256))
	wantError(t, put(types.ServerSideEncryptionAwsKms), "NotImplemented")
	wantError(t, put("ROT13"), "MalformedXML")
	_, err := w.DeleteBucketEncryption(ctx, &awss3.DeleteBucketEncryptionInput{Bucket: aws.String("bkt")})
	check(t, err)
	_, err = w.DeleteBucketEncryption(ctx, &awss3.DeleteBucketEncryptionInput{Bucket: aws.String("no-bucket")})
	wantError(t, err, "NoSuchBucket")
}

// A key that XML 1.0 can't hold is listed as a character reference.
func TestControlCharacterInAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "a\x01<b", "x")
	for path, want := range map[string]string{
		"/bkt":                             "<Key>a&#x1;&lt;b</Key>",
		"/bkt?list-type=2&delimiter=%01":   "<Prefix>a&#x1;</Prefix>",
		"/bkt?versions":                    "<Key>a&#x1;&lt;b</Key>",
		"/bkt?encoding-type=url":           "<Key>a%01%3Cb</Key>",
		"/bkt?list-type=2&start-after=%01": "<StartAfter>&#x1;</StartAfter>",
	} {
		if rec := w.send("GET", path, "", nil); !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %s, want %s", path, rec.Body, want)
		}
	}
}

func TestCompositeChecksumWithoutPartCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	for _, suffix := range []string{"", "-1", "-2"} {
		in := w.upload(t, "k", [][]byte{[]byte("hello")}, func(in *awss3.CreateMultipartUploadInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 })
		part := *in.MultipartUpload.Parts[0].ChecksumSHA256
		in.ChecksumSHA256 = aws.String(compositeSHA256(t, part) + suffix)
		_, err := w.CompleteMultipartUpload(ctx, in)
		if suffix == "-2" {
			wantError(t, err, "BadDigest")
		} else {
			check(t, err)
		}
	}
}

func TestUnsupportedChecksumOfAPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	in := w.upload(t, "k", [][]byte{[]byte("hello")}, nil)
	rec := w.send("POST", "/bkt/k?uploadId="+*in.UploadId, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"+
		strings.Trim(*in.MultipartUpload.Parts[0].ETag, `"`)+"</ETag><ChecksumSHA512>AAAA</ChecksumSHA512></Part></CompleteMultipartUpload>", nil)
	if rec.Code != 400 || !strings.Contains(rec.Body.String(), "ChecksumSHA512 is not supported") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.absent(t, "k")
}

// compositeSHA256 is the composite checksum of one part, without the part count.
func compositeSHA256(t *testing.T, part string) string {
	t.Helper()
	sum, err := base64.StdEncoding.DecodeString(part)
	check(t, err)
	whole := sha256.Sum256(sum)
	return base64.StdEncoding.EncodeToString(whole[:])
}
