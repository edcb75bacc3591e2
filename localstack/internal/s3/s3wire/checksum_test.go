package s3wire_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Checksums of "hello", base64.
var helloSums = map[types.ChecksumAlgorithm]string{
	types.ChecksumAlgorithmCrc32:     "NhCmhg==",
	types.ChecksumAlgorithmCrc32c:    "mnG7TA==",
	types.ChecksumAlgorithmCrc64nvme: "M3eFcAZSQlc=",
	types.ChecksumAlgorithmSha1:      "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
	types.ChecksumAlgorithmSha256:    "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
}

func sumOf(out *awss3.HeadObjectOutput) string {
	for _, v := range []*string{out.ChecksumCRC32, out.ChecksumCRC32C, out.ChecksumCRC64NVME, out.ChecksumSHA1, out.ChecksumSHA256} {
		if v != nil {
			return *v
		}
	}
	return ""
}

// The SDK's defaults: a checksum header over plain HTTP; over TLS aws-chunked
// with a trailer, with or without a known length.
func TestSDKChecksums(t *testing.T) {
	t.Parallel()
	for _, tls := range []bool{false, true} {
		w := newWorld(t, config{tls: tls})
		for alg, sum := range helloSums {
			for _, seekable := range []bool{true, false} {
				if !tls && !seekable {
					continue // the SDK refuses: it couldn't sign the payload
				}
				key := fmt.Sprintf("%v %v %s", tls, seekable, alg)
				w.put(t, key, "", func(in *awss3.PutObjectInput) {
					in.ChecksumAlgorithm = alg
					if in.Body = strings.NewReader("hello"); !seekable {
						in.Body = io.MultiReader(in.Body)
					}
				})
				if body, _ := w.get(t, key); body != "hello" { // the SDK checks it, too
					t.Errorf("%s: %q", key, body)
				}
				head, err := w.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("bkt"), Key: &key, ChecksumMode: types.ChecksumModeEnabled})
				check(t, err)
				if got := sumOf(head); got != sum || head.ChecksumType != types.ChecksumTypeFullObject || head.ContentEncoding != nil {
					t.Errorf("%s: checksum %q of type %q, want %q", key, got, head.ChecksumType, sum)
				}
				head, err = w.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: aws.String("bkt"), Key: &key})
				check(t, err)
				if got := sumOf(head); got != "" {
					t.Errorf("%s: checksum %q without asking", key, got)
				}
			}
		}
	}
}

// corrupt changes the first byte of the bodies that pass through it.
func corrupt(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" && strings.Contains(r.URL.Path, "bad") {
			r.Body = struct {
				io.Reader
				io.Closer
			}{&flip{r: r.Body, find: 'h'}, r.Body}
		}
		h.ServeHTTP(w, r)
	})
}

// flip replaces a byte of what it reads.
type flip struct {
	r    io.Reader
	find byte
}

func (f *flip) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	for i := range p[:n] {
		if p[i] == f.find {
			p[i] = 'H'
		}
	}
	return n, err
}

func TestWrongBytes(t *testing.T) {
	t.Parallel()
	plain, tls := newWorld(t, config{wrap: corrupt}), newWorld(t, config{wrap: corrupt, tls: true})
	put := func(w *world, opts ...func(*awss3.Options)) error {
		_, err := w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("bad"), Body: strings.NewReader("hello")}, opts...)
		return err
	}
	wantError(t, put(plain), "XAmzContentSHA256Mismatch")
	plain.absent(t, "bad")
	wantError(t, put(tls), "BadDigest")
	tls.absent(t, "bad")

	// An object that is there stays.
	_, err := plain.engine.Bucket("bkt")
	check(t, err)
	w := newWorld(t, config{})
	w.put(t, "k", "hello")
	_, err = w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), Body: strings.NewReader("other"), ContentMD5: aws.String("XUFAKrxLKna5cZ2REBfFkg==")})
	wantError(t, err, "BadDigest")
	_, err = w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), Body: strings.NewReader("other"), ContentMD5: aws.String("nonsense")})
	wantError(t, err, "InvalidDigest")
	_, err = w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), Body: strings.NewReader("other"), ChecksumSHA256: aws.String(helloSums[types.ChecksumAlgorithmSha256])})
	wantError(t, err, "BadDigest")
	if body, _ := w.get(t, "k"); body != "hello" {
		t.Errorf("after refused writes: %q", body)
	}
}

// rawPut sends a PUT of a body as it is, signed with the payload hash given.
func (w *world) rawPut(t *testing.T, key, hash, body string, headers map[string]string) (status int, code string) {
	t.Helper()
	r, err := http.NewRequest("PUT", w.url+"/bkt/"+key, strings.NewReader(body))
	check(t, err)
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	r.Header.Set("X-Amz-Content-Sha256", hash)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	check(t, signer.SignHTTP(ctx, creds, r, hash, "s3", "us-east-1", time.Now()))
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	_, code, _ = strings.Cut(string(text), "<Code>")
	code, _, _ = strings.Cut(code, "</Code>")
	return resp.StatusCode, code
}

func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	trailer := map[string]string{"X-Amz-Trailer": "x-amz-checksum-crc32", "X-Amz-Decoded-Content-Length": "5"}
	for name, tc := range map[string]struct {
		hash, body string
		headers    map[string]string
		code       string
	}{
		"good":                {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", trailer, ""},
		"cut in a chunk":      {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhel", trailer, "IncompleteBody"},
		"cut after a chunk":   {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhello\r\n", trailer, "IncompleteBody"},
		"no trailer":          {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhello\r\n0\r\n\r\n", trailer, "MalformedTrailerError"},
		"wrong trailer":       {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", trailer, "BadDigest"},
		"shorter than said":   {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "3\r\nhel\r\n0\r\nx-amz-checksum-crc32:SwSwNQ==\r\n\r\n", trailer, "*"},
		"not chunked at all":  {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "hello", trailer, "IncompleteBody"},
		"chunk of minus one":  {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "-1\r\nhello\r\n0\r\n\r\n", trailer, "InvalidRequest"},
		"unknown algorithm":   {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0\r\n\r\n", map[string]string{"X-Amz-Trailer": "x-amz-checksum-crc16"}, "InvalidRequest"},
		"two checksums":       {"UNSIGNED-PAYLOAD", "hello", map[string]string{"X-Amz-Checksum-Crc32": "NhCmhg==", "X-Amz-Checksum-Sha1": helloSums["SHA1"]}, "InvalidRequest"},
		"ill-formed checksum": {"UNSIGNED-PAYLOAD", "hello", map[string]string{"X-Amz-Checksum-Crc32": "AA=="}, "InvalidRequest"},
		"MD5":                 {"UNSIGNED-PAYLOAD", "hello", map[string]string{"X-Amz-Checksum-Md5": "XUFAKrxLKna5cZ2REBfFkg=="}, "InvalidRequest"},
		"SHA512":              {"UNSIGNED-PAYLOAD", "hello", map[string]string{"X-Amz-Checksum-Sha512": "AAAA"}, "InvalidRequest"},
		"XXHASH64":            {"UNSIGNED-PAYLOAD", "hello", map[string]string{"X-Amz-Checksum-Xxhash64": "JscsAwCCbMA="}, "InvalidRequest"},
		"unknown trailer":     {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhello\r\n0\r\nx-amz-checksum-sha512:AAAA\r\n\r\n", map[string]string{"X-Amz-Trailer": "x-amz-checksum-sha512"}, "InvalidRequest"},
		"ill-formed hash":     {"SOMETHING", "hello", nil, "InvalidArgument"},
	} {
		key := strings.ReplaceAll(name, " ", "-")
		status, code := w.rawPut(t, key, tc.hash, tc.body, tc.headers)
		switch {
		case tc.code == "":
			if body, _ := w.get(t, key); status != 200 || body != "hello" {
				t.Errorf("%s: %d %s, %q", name, status, code, body)
			}
		case status != 400 || tc.code != "*" && code != tc.code:
			t.Errorf("%s: %d %s, want 400 %s", name, status, code, tc.code)
		default:
			w.absent(t, key)
		}
	}
}

// A body cut by a connection that breaks is not stored.
func TestCutConnection(t *testing.T) {
	t.Parallel()
	served := make(chan struct{})
	w := newWorld(t, config{wrap: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/cut") && r.Method == "PUT" {
				defer close(served)
			}
			h.ServeHTTP(rw, r)
		})
	}})
	pr, pw := io.Pipe()
	r, err := http.NewRequest("PUT", w.url+"/bkt/cut", pr)
	check(t, err)
	r.ContentLength = 10
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	check(t, v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(ctx, creds, r, "UNSIGNED-PAYLOAD", "s3", "us-east-1", time.Now()))
	go func() {
		_, _ = pw.Write([]byte("hello"))
		_ = pw.CloseWithError(io.ErrClosedPipe)
	}()
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		t.Fatalf("a cut body: %d", resp.StatusCode)
	}
	<-served
	w.absent(t, "cut")
}

// signedChunks encodes a body in signed chunks with the SDK's own signer.
func signedChunks(t *testing.T, w *world, key string, chunks []string, trailer string, change func(string) string) (status int, code string) {
	t.Helper()
	hash := "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	if trailer != "" {
		hash += "-TRAILER"
	}
	r, err := http.NewRequest("PUT", w.url+"/bkt/"+key, nil)
	check(t, err)
	total := len(strings.Join(chunks, ""))
	r.Header.Set("X-Amz-Content-Sha256", hash)
	r.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(total))
	r.Header.Set("Content-Encoding", "gzip,aws-chunked")
	if name, _, ok := strings.Cut(trailer, ":"); ok {
		r.Header.Set("X-Amz-Trailer", name)
	}
	now := time.Now()
	creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
	check(t, v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(ctx, creds, r, hash, "s3", "us-east-1", now))
	prev := r.Header.Get("Authorization")
	prev = prev[strings.Index(prev, "Signature=")+len("Signature="):]
	var body strings.Builder
	for _, c := range append(chunks, "") {
		prev = chunkSignature(prev, "PAYLOAD", hashOf("")+"\n"+hashOf(c), now.UTC())
		fmt.Fprintf(&body, "%x;chunk-signature=%s\r\n", len(c), prev)
		if c != "" {
			body.WriteString(c + "\r\n")
		}
	}
	if line, _, ok := strings.Cut(trailer, "\r"); ok {
		signed := strings.TrimSuffix(line, "\n") + "\n"
		body.WriteString(trailer + "x-amz-trailer-signature:" + chunkSignature(prev, "TRAILER", hashOf(signed), now.UTC()) + "\r\n")
	}
	body.WriteString("\r\n")
	text := change(body.String())
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	check(t, err)
	_, code, _ = strings.Cut(string(b), "<Code>")
	code, _, _ = strings.Cut(code, "</Code>")
	return resp.StatusCode, code
}

// chunkSignature is by the book: "Signature calculations for the Authorization
// header: transferring payload in multiple chunks", Amazon S3 API Reference.
func chunkSignature(prev, kind, what string, at time.Time) string {
	day := at.Format("20060102")
	key := []byte("AWS4" + secret)
	for _, s := range []string{day, "us-east-1", "s3", "aws4_request"} {
		key = hmacSHA256(key, s)
	}
	return hex.EncodeToString(hmacSHA256(key, strings.Join([]string{
		"AWS4-HMAC-SHA256-" + kind, at.Format("20060102T150405Z"), day + "/us-east-1/s3/aws4_request", prev, what,
	}, "\n")))
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// The trailer of a signed body has its signature on the next line or, by minio-go,
// after an empty one.
func TestSignedTrailer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	same := func(s string) string { return s }
	for name, trailer := range map[string]string{"aws": "x-amz-checksum-crc32:NhCmhg==\r\n", "minio-go": "x-amz-checksum-crc32:NhCmhg==\n\r\n"} {
		if status, code := signedChunks(t, w, name, []string{"hel", "lo"}, trailer, same); status != 200 {
			t.Errorf("%s: %d %s", name, status, code)
		}
		for what, change := range map[string]func(string) string{
			"signature": func(s string) string { return strings.Replace(s, "trailer-signature:", "trailer-signature:0", 1) },
			"absent": func(s string) string {
				before, _, _ := strings.Cut(s, "x-amz-trailer-signature")
				return before
			},
		} {
			if status, code := signedChunks(t, w, name+what, []string{"hel", "lo"}, trailer, change); status != 403 {
				t.Errorf("%s, %s: %d %s", name, what, status, code)
			}
			w.absent(t, name+what)
		}
	}
}

func TestSignedChunks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	same := func(s string) string { return s }
	if status, code := signedChunks(t, w, "k", []string{"hel", "lo"}, "", same); status != 200 {
		t.Fatalf("%d %s", status, code)
	}
	body, out := w.get(t, "k")
	if body != "hello" || *out.ContentEncoding != "gzip" {
		t.Errorf("%q, Content-Encoding %q", body, *out.ContentEncoding)
	}
	for name, change := range map[string]func(string) string{
		"data":  func(s string) string { return strings.Replace(s, "hel", "hal", 1) },
		"order": func(s string) string { return strings.Replace(s, "chunk-signature=", "chunk-signature=0", 1) },
		"cut":   func(s string) string { return s[:strings.LastIndex(s, "0;chunk")] },
	} {
		if status, code := signedChunks(t, w, name, []string{"hel", "lo"}, "", change); status < 400 {
			t.Errorf("%s: %d %s", name, status, code)
		}
		w.absent(t, name)
	}
}
