package s3wire_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/errandhq/errand/localstack/internal/awswire"
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

// beginUpload creates a multipart upload and returns its ID.
func (w *world) beginUpload(path string) string {
	_, rest, _ := strings.Cut(w.send("POST", path+"?uploads", "", nil).Body.String(), "<UploadId>")
	id, _, _ := strings.Cut(rest, "<")
	return id
}

func TestCopySourcePlusIsSpace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "test key.txt", "x")
	upload := w.beginUpload("/bkt/k")
	for source, want := range map[string]int{"bkt/test+key.txt": 200, "bkt/test%20key.txt": 200, "bkt/test%2Bkey.txt": 404} {
		for _, path := range []string{"/bkt/copy", "/bkt/k?partNumber=1&uploadId=" + upload} {
			if rec := w.send("PUT", path, "", http.Header{"X-Amz-Copy-Source": {source}}); rec.Code != want {
				t.Errorf("%s, %s: %d %s", path, source, rec.Code, rec.Body)
			}
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

// A key that XML 1.0 can't hold is written as a character reference, wherever keys are.
func TestControlCharactersInAKey(t *testing.T) {
	t.Parallel()
	for c, ref := range map[string]string{"\x01": "&#x1;", "\x1f": "&#x1f;", "\v": "&#xb;", "\r": "&#xD;", "\ufffe": "&#xfffe;"} {
		w := newWorld(t, config{})
		key := "a" + c + "<b"
		w.put(t, key, "x")
		path, escaped := "/bkt/"+url.PathEscape(key), url.QueryEscape(c)
		upload := w.beginUpload(path)
		etag := w.send("PUT", path+"?partNumber=1&uploadId="+upload, "x", nil).Header().Get("ETag")
		list := "<Key>a" + ref + "&lt;b</Key>"
		for _, tt := range []struct{ method, path, body, want string }{
			{"GET", "/bkt", "", list},
			{"GET", "/bkt?list-type=2&delimiter=" + escaped, "", "<Prefix>a" + ref + "</Prefix>"},
			{"GET", "/bkt?versions", "", list},
			{"GET", "/bkt?uploads", "", list},
			{"GET", path + "?uploadId=" + upload, "", list},
			{"GET", "/bkt?encoding-type=url", "", "<Key>a" + escaped + "%3Cb</Key>"},
			{"GET", "/bkt?list-type=2&start-after=" + escaped, "", "<StartAfter>" + ref + "</StartAfter>"},
			{"GET", path + "x", "", "<Key>a" + ref + "&lt;bx</Key>"}, // NoSuchKey
			{"POST", path + "?uploads", "", list},
			{"POST", path + "?uploadId=" + upload, "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
				etag + "</ETag></Part></CompleteMultipartUpload>", list},
		} {
			if rec := w.send(tt.method, tt.path, tt.body, nil); !strings.Contains(rec.Body.String(), tt.want) {
				t.Errorf("%q: %s %s: %s, want %s", c, tt.method, tt.path, rec.Body, tt.want)
			}
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

// Headers that ask for what isn't there are refused by name, on every way in, and
// nothing is stored. No answer repeats a customer's key.
func TestUnsupportedHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "source", "x")
	const key = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
	for name, value := range map[string]string{
		"X-Amz-Server-Side-Encryption":                                "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id":                 "k",
		"X-Amz-Server-Side-Encryption-Context":                        "e30=",
		"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled":             "true",
		"X-Amz-Server-Side-Encryption-Customer-Algorithm":             "AES256",
		"X-Amz-Server-Side-Encryption-Customer-Key":                   key,
		"X-Amz-Server-Side-Encryption-Customer-Key-Md5":               key,
		"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Algorithm": "AES256",
		"X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key":       key,
		"X-Amz-Object-Lock-Mode":                                      "GOVERNANCE",
		"X-Amz-Object-Lock-Retain-Until-Date":                         "2040-01-01T00:00:00Z",
		"X-Amz-Object-Lock-Legal-Hold":                                "ON",
		"X-Amz-Website-Redirect-Location":                             "/other",
		"X-Amz-Write-Offset-Bytes":                                    "0",
		"X-Amz-Mfa":                                                   "1 2",
		"X-Amz-If-Match-Size":                                         "1",
	} {
		h := http.Header{name: {value}}
		copied := http.Header{name: {value}, "X-Amz-Copy-Source": {"bkt/source"}}
		form := map[string]string{"key": "k", strings.ToLower(name): value}
		for what, rec := range map[string]*httptest.ResponseRecorder{
			"put": w.send("PUT", "/bkt/k", "x", h), "copy": w.send("PUT", "/bkt/k", "", copied), "get": w.send("GET", "/bkt/source", "", h),
			"upload": w.send("POST", "/bkt/k?uploads", "", h), "delete": w.send("DELETE", "/bkt/source", "", h), "form": w.sendForm(t, form, "x"),
		} {
			if rec.Code != 501 || !strings.Contains(rec.Body.String(), name) || strings.Contains(rec.Body.String(), key) {
				t.Errorf("%s, %s: %d %s", name, what, rec.Code, rec.Body)
			}
		}
	}
	w.absent(t, "k")
	for name, value := range map[string]string{
		"X-Amz-Grant-Read": `uri="http://acs.amazonaws.com/groups/global/AllUsers"`, "X-Amz-Grant-Full-Control": "id=1", "X-Amz-Acl": "public-read",
	} {
		if rec := w.send("PUT", "/bkt/k", "x", http.Header{name: {value}}); rec.Code != 400 || !strings.Contains(rec.Body.String(), "AccessControlListNotSupported") {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	if rec := w.sendForm(t, map[string]string{"key": "k", "acl": "public-read"}, "x"); rec.Code != 400 {
		t.Errorf("acl of a form: %d %s", rec.Code, rec.Body)
	}
	w.absent(t, "k")
	none := http.Header{
		"X-Amz-Server-Side-Encryption": {"AES256"}, "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled": {"false"}, "X-Amz-Acl": {"private"},
		"X-Amz-Request-Payer": {"requester"}, "X-Amz-Expected-Bucket-Owner": {awswire.Account}, "X-Amz-Storage-Class": {"STANDARD"},
	}
	if rec := w.send("PUT", "/bkt/k", "x", none); rec.Code != 200 {
		t.Errorf("what every bucket has: %d %s", rec.Code, rec.Body)
	}
}

// sendForm uploads by form without a signature.
func (w *world) sendForm(t *testing.T, fields map[string]string, file string) *httptest.ResponseRecorder {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k, v := range fields {
		check(t, m.WriteField(k, v))
	}
	part, err := m.CreateFormFile("file", "name.txt")
	check(t, err)
	_, err = part.Write([]byte(file))
	check(t, err)
	check(t, m.Close())
	return w.send("POST", "/bkt", b.String(), http.Header{"Content-Type": {m.FormDataContentType()}})
}

// Elements of a request that aren't supported are refused by name.
func TestUnsupportedElements(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "k", "x")
	md5 := func(body string) http.Header {
		sum := md5.Sum([]byte(body))
		return http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}}
	}
	const encryption = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>%s</ServerSideEncryptionConfiguration>"
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/bkt?delete", "<Delete><Object><Key>k</Key><Size>7</Size></Object></Delete>", 501, "DeleteObjects with Size"},
		{"PUT", "/bkt2", "<CreateBucketConfiguration><Bucket><Type>Directory</Type></Bucket></CreateBucketConfiguration>", 501, "directory buckets"},
		{"PUT", "/bkt?encryption", fmt.Sprintf(encryption, "</ApplyServerSideEncryptionByDefault><BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes></Rule>"), 501, "BlockedEncryptionTypes"},
		{"PUT", "/bkt?encryption", fmt.Sprintf(encryption, "<KMSMasterKeyID>k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule>"), 400, "KMSMasterKeyID"},
		{"PUT", "/bkt?encryption", fmt.Sprintf(encryption, "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule>"), 200, ""},
		{"GET", "/bkt?encryption", "", 200, "<BucketKeyEnabled>true</BucketKeyEnabled>"},
		{"DELETE", "/bkt?encryption", "", 204, ""},
		{"GET", "/bkt?encryption", "", 200, "<BucketKeyEnabled>false</BucketKeyEnabled>"},
	} {
		if rec := w.send(tt.method, tt.path, tt.body, md5(tt.body)); rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, rec.Code, rec.Body)
		}
	}
	w.get(t, "k")
}
