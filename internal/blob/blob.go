// Package blob is the Blobs on S3: it signs requests that clients make
// themselves, and reads log chunks.
package blob

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/internal/control"
)

// Lifetimes of what is signed. A Lambda role's signatures die with its
// credentials, so writes are renewed by heartbeats.
const (
	putLifetime  = time.Hour
	getLifetime  = time.Hour
	postLifetime = 30 * time.Minute
)

// Config of Blobs.
type Config struct {
	AWS    aws.Config
	Bucket string
	// SignHosts are host names, without port, that requests may be signed for
	// when the API was called by them: for a bucket that is reached at the
	// API's own address. Callers by other names get the S3 endpoint's.
	SignHosts []string
	// ObjectURL is where everyone else finds the bucket's service, where that
	// isn't the endpoint that we use ourselves: "https://s3.corp.example".
	// Empty: it is.
	ObjectURL string
	Clock     clock.Clock // gives the time of signatures; nil: the machine's
}

// Blobs is the control.Blobs on S3.
type Blobs struct {
	Config
	s3 *s3.Client

	mu         sync.Mutex
	presigners map[string]*presigner // by origin
}

// presigner signs requests for one origin.
type presigner struct {
	*s3.PresignClient
	postURL string
	policy  s3.PresignPost
}

// maxPresigners bounds what is kept: a caller can name any port.
const maxPresigners = 64

var _ control.Blobs = (*Blobs)(nil)

// New returns Blobs over one bucket.
func New(c Config) *Blobs {
	if c.Clock == nil {
		c.Clock = clock.Real()
	}
	return &Blobs{Config: c, s3: newClient(c.AWS, ""), presigners: map[string]*presigner{}}
}

// newClient returns a client for an endpoint; empty: the configured one. Where
// an endpoint is given, by us or by AWS_ENDPOINT_URL, it is one host, and the
// bucket goes into the path.
func newClient(cfg aws.Config, endpoint string) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
		o.UsePathStyle = o.BaseEndpoint != nil
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		// Otherwise each read of an object from a server that keeps no checksums
		// leaves a warning on stderr.
		o.DisableLogOutputChecksumValidationSkipped = true
	})
}

// presigner signs for the address that the caller reaches us by, if it may, or
// else for the one that clients are told.
func (b *Blobs) presigner(ctx context.Context, origin string) (*presigner, error) {
	if u, err := url.Parse(origin); err != nil || !slices.Contains(b.SignHosts, u.Hostname()) {
		origin = b.ObjectURL
	}
	b.mu.Lock()
	p := b.presigners[origin]
	b.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := b.newPresigner(ctx, origin)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.presigners) == maxPresigners {
		clear(b.presigners)
	}
	b.presigners[origin] = p
	return p, nil
}

// newPresigner signs one form, whose URL is that of all forms for the origin: the SDK
// resolves it by running all of PutObject's middleware.
func (b *Blobs) newPresigner(ctx context.Context, origin string) (*presigner, error) {
	p := &presigner{PresignClient: b.newPresignClient(origin)}
	key := "any"
	form, err := p.PresignPostObject(ctx, &s3.PutObjectInput{Bucket: &b.Bucket, Key: &key}, func(o *s3.PresignPostOptions) {
		p.policy = o.PostPresigner
	})
	if err != nil {
		return nil, fmt.Errorf("resolve the bucket's URL: %w", err)
	}
	p.postURL = form.URL
	return p, nil
}

func (b *Blobs) newPresignClient(origin string) *s3.PresignClient {
	return s3.NewPresignClient(newClient(b.AWS, origin), func(o *s3.PresignOptions) {
		// S3 ignores a checksum in the query: what is to be enforced must be
		// signed as a header.
		o.Presigner = clocked{b.Clock, v4.NewSigner(func(o *v4.SignerOptions) {
			o.DisableHeaderHoisting = true
			o.DisableURIPathEscaping = true
		})}
		// Or a GET would be signed with x-amz-checksum-mode, and its URL alone
		// would not be enough.
		o.ClientOptions = append(o.ClientOptions, func(o *s3.Options) {
			o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		})
	})
}

// SignPut implements control.Blobs.
func (b *Blobs) SignPut(ctx context.Context, origin, key string, size int64, sha256 string) (errand.SignedRequest, error) {
	sum, err := base64Sum(sha256)
	if err != nil {
		return errand.SignedRequest{}, fmt.Errorf("sign the PUT of %s: %w", key, err)
	}
	p, err := b.presigner(ctx, origin)
	if err != nil {
		return errand.SignedRequest{}, err
	}
	r, err := p.PresignPutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.Bucket, Key: &key, ContentLength: &size,
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		ChecksumSHA256:    &sum,
	}, s3.WithPresignExpires(putLifetime))
	if err != nil {
		return errand.SignedRequest{}, fmt.Errorf("sign the PUT of %s: %w", key, err)
	}
	return signed(r, putLifetime), nil
}

// SignGet implements control.Blobs. The response has a type and a disposition of ours:
// the sender of an object chose those that it is stored with.
func (b *Blobs) SignGet(ctx context.Context, origin, key, filename string) (errand.SignedRequest, error) {
	p, err := b.presigner(ctx, origin)
	if err != nil {
		return errand.SignedRequest{}, err
	}
	r, err := p.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.Bucket, Key: &key,
		ResponseContentType: aws.String("application/octet-stream"), ResponseContentDisposition: aws.String(attachment(filename)),
	}, s3.WithPresignExpires(getLifetime))
	if err != nil {
		return errand.SignedRequest{}, fmt.Errorf("sign the GET of %s: %w", key, err)
	}
	return signed(r, getLifetime), nil
}

// attachment is the Content-Disposition of a download with that name, if it has one. It is
// ASCII, as S3 requires.
func attachment(filename string) string {
	if filename != "" {
		if v := mime.FormatMediaType("attachment", map[string]string{"filename": filename}); v != "" {
			return v
		}
	}
	return "attachment"
}

// signed leaves out the headers that every HTTP client sends by itself.
func signed(r *v4.PresignedHTTPRequest, lifetime time.Duration) errand.SignedRequest {
	out := errand.SignedRequest{Method: r.Method, URL: r.URL, ExpiresSeconds: int(lifetime.Seconds())}
	for name, values := range r.SignedHeader {
		if name = http.CanonicalHeaderKey(name); name == "Host" || name == "Content-Length" {
			continue
		}
		if out.Header == nil {
			out.Header = map[string]string{}
		}
		out.Header[name] = strings.Join(values, ",")
	}
	return out
}

// BeginParts implements control.Blobs.
func (b *Blobs) BeginParts(ctx context.Context, key string) (string, error) {
	r, err := b.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.Bucket, Key: &key, ChecksumAlgorithm: types.ChecksumAlgorithmSha256})
	if err != nil {
		return "", translate(err, "begin the upload of "+key)
	}
	return aws.ToString(r.UploadId), nil
}

// SignPart implements control.Blobs.
func (b *Blobs) SignPart(ctx context.Context, origin, key, uploadID string, number int, size int64, sha256 string) (errand.SignedRequest, error) {
	sum, err := base64Sum(sha256)
	if err != nil {
		return errand.SignedRequest{}, fmt.Errorf("sign a part of %s: %w", key, err)
	}
	p, err := b.presigner(ctx, origin)
	if err != nil {
		return errand.SignedRequest{}, err
	}
	r, err := p.PresignUploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.Bucket, Key: &key, UploadId: &uploadID, PartNumber: aws.Int32(int32(number)), ContentLength: &size,
		ChecksumAlgorithm: types.ChecksumAlgorithmSha256, ChecksumSHA256: &sum,
	}, s3.WithPresignExpires(putLifetime))
	if err != nil {
		return errand.SignedRequest{}, fmt.Errorf("sign a part of %s: %w", key, err)
	}
	return signed(r, putLifetime), nil
}

// CompleteParts implements control.Blobs.
func (b *Blobs) CompleteParts(ctx context.Context, key, uploadID string, parts []errand.ArtifactPart) error {
	all := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		sum, err := base64Sum(p.SHA256)
		if err != nil {
			return fmt.Errorf("complete %s: %w", key, err)
		}
		all[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: aws.String(p.ETag), ChecksumSHA256: &sum}
	}
	_, err := b.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.Bucket, Key: &key, UploadId: &uploadID, MultipartUpload: &types.CompletedMultipartUpload{Parts: all},
	})
	if err != nil {
		return translate(err, "complete "+key)
	}
	return nil
}

// base64Sum returns a SHA-256 as S3 writes it.
func base64Sum(sha256 string) (string, error) {
	sum, err := hex.DecodeString(sha256)
	return base64.StdEncoding.EncodeToString(sum), err
}

// SignPost implements control.Blobs.
func (b *Blobs) SignPost(ctx context.Context, origin, prefix string, maxBytes int64) (control.SignedPost, error) {
	p, err := b.presigner(ctx, origin)
	if err != nil {
		return control.SignedPost{}, err
	}
	creds, err := b.AWS.Credentials.Retrieve(ctx)
	if err != nil {
		return control.SignedPost{}, fmt.Errorf("sign POSTs below %s: %w", prefix, err)
	}
	now := b.Clock.Now().UTC()
	fields, err := p.policy.PresignPost(creds, b.Bucket, prefix, b.AWS.Region, "s3", now, []any{
		[]any{"starts-with", "$key", prefix},
		[]any{"content-length-range", 0, maxBytes},
	}, now.Add(postLifetime))
	if err != nil {
		return control.SignedPost{}, fmt.Errorf("sign POSTs below %s: %w", prefix, err)
	}
	delete(fields, "key") // the form's key is its sender's, below the prefix
	return control.SignedPost{URL: p.postURL, Fields: fields, ExpiresSeconds: int(postLifetime.Seconds())}, nil
}

// Stat implements control.Blobs.
func (b *Blobs) Stat(ctx context.Context, key string) (control.Blob, error) {
	r, err := b.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.Bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return control.Blob{}, translate(err, "head "+key)
	}
	out := control.Blob{Key: key, Size: aws.ToInt64(r.ContentLength), Modified: aws.ToTime(r.LastModified)}
	if sum, err := base64.StdEncoding.DecodeString(aws.ToString(r.ChecksumSHA256)); err == nil {
		out.SHA256 = hex.EncodeToString(sum)
	}
	return out, nil
}

// Renew implements control.Blobs: it copies the object to itself, which S3 allows if the
// metadata is replaced, here by none. Some other implementations keep the object's time
// then: there it is copied to another key and back.
func (b *Blobs) Renew(ctx context.Context, o control.Blob) error {
	modified, err := b.copy(ctx, o.Key, o.Key)
	if err != nil || modified.After(o.Modified) {
		return err
	}
	away := o.Key + ".renewal"
	if _, err := b.copy(ctx, o.Key, away); err != nil {
		return err
	}
	_, err = b.copy(ctx, away, o.Key)
	return errors.Join(err, b.Remove(ctx, []string{away}))
}

// copy copies an object, and returns the time of the copy.
func (b *Blobs) copy(ctx context.Context, from, to string) (modified time.Time, err error) {
	r, err := b.s3.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &b.Bucket, Key: &to, CopySource: aws.String(url.PathEscape(b.Bucket) + "/" + (&url.URL{Path: from}).EscapedPath()),
		MetadataDirective: types.MetadataDirectiveReplace, ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	if err != nil {
		return modified, translate(err, "renew "+from)
	}
	if r.CopyObjectResult != nil {
		modified = aws.ToTime(r.CopyObjectResult.LastModified)
	}
	return modified, nil
}

// List implements control.Blobs.
func (b *Blobs) List(ctx context.Context, prefix, after string) ([]control.Blob, error) {
	r, err := b.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.Bucket, Prefix: &prefix, StartAfter: &after})
	if err != nil {
		return nil, translate(err, "list "+prefix)
	}
	out := make([]control.Blob, len(r.Contents))
	for i, o := range r.Contents {
		out[i] = control.Blob{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified)}
	}
	return out, nil
}

// Remove implements control.Blobs.
func (b *Blobs) Remove(ctx context.Context, keys []string) error {
	in := &s3.DeleteObjectsInput{Bucket: &b.Bucket, Delete: &types.Delete{Quiet: aws.Bool(true)}}
	for i := range keys {
		in.Delete.Objects = append(in.Delete.Objects, types.ObjectIdentifier{Key: &keys[i]})
	}
	r, err := b.s3.DeleteObjects(ctx, in)
	if err != nil {
		return translate(err, "delete objects")
	}
	if len(r.Errors) > 0 {
		e := r.Errors[0]
		return fmt.Errorf("delete %s and %d others: %s: %s", aws.ToString(e.Key), len(r.Errors)-1, aws.ToString(e.Code), aws.ToString(e.Message))
	}
	return nil
}

// Open implements control.Blobs.
func (b *Blobs) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := b.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.Bucket, Key: &key})
	if err != nil {
		return nil, translate(err, "get "+key)
	}
	return r.Body, nil
}

// translate turns S3's errors into those of control.
func translate(err error, op string) error {
	var apiErr smithy.APIError
	if errors.As(err, &apiErr) {
		switch apiErr.ErrorCode() {
		case "NotFound", "NoSuchKey", "NoSuchUpload":
			return fmt.Errorf("%s: %w", op, control.ErrNotFound)
		case "InvalidPart", "InvalidPartOrder", "EntityTooSmall":
			return fmt.Errorf("%s: %w", op, control.ErrConflict)
		}
	}
	return fmt.Errorf("%s: %w", op, err)
}
