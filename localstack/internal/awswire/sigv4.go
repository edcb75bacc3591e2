// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html

package awswire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/errandhq/errand/internal/clock"
)

// Limits of the time between a signature and its verification.
const (
	maxSkew           = 15 * time.Minute
	maxPresignExpires = 7 * 24 * time.Hour
)

// MaxBufferedBody bounds the bodies that Authenticate reads to hash them: the
// largest request of the services other than S3 (a Lambda invocation, 6 MB)
// with room.
const MaxBufferedBody = 16 << 20

// Values of x-amz-content-sha256 that aren't hashes.
const (
	UnsignedPayload        = "UNSIGNED-PAYLOAD"
	StreamingUnsigned      = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	StreamingSigned        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
)

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// A Verifier checks Signature Version 4 of requests, and of the policies of
// browser uploads, against a fixed set of access keys; of S3, Version 2, too. It is
// safe for concurrent use.
type Verifier struct {
	secrets map[string]string // by access key ID
	clock   clock.Clock
	keys    keyCache
}

// NewVerifier returns a verifier that accepts creds and takes the time from clk.
func NewVerifier(creds []Credentials, clk clock.Clock) *Verifier {
	v := &Verifier{secrets: make(map[string]string, len(creds)), clock: clk}
	for _, c := range creds {
		v.secrets[c.AccessKeyID] = c.SecretAccessKey
	}
	return v
}

// Authenticate verifies r and returns it with the caller's Identity and, for
// S3, the ChunkSigner in its context. The body of a request of another service
// is read whole to hash it, and replaced by one in memory.
func (v *Verifier) Authenticate(r *http.Request) (*http.Request, error) {
	hash := ""
	d := dialectOf(r)
	if d != dialectS3 {
		body, err := readBody(r)
		if err != nil {
			return r, err
		}
		sum := sha256.Sum256(body)
		hash = hex.EncodeToString(sum[:])
	}
	sig, err := v.verify(r, d, hash)
	if err != nil {
		return r, err
	}
	ctx := WithIdentity(r.Context(), sig.identity())
	if sig.service == "s3" && !sig.v2 {
		ctx = context.WithValue(ctx, chunkSignerKey{}, &ChunkSigner{
			key: sig.key, date: sig.date, scope: sig.scope(), prev: sig.signature,
		})
	}
	return r.WithContext(ctx), nil
}

// Middleware passes on to next what Authenticate accepts; fail answers the rest.
func (v *Verifier) Middleware(next http.Handler, fail func(http.ResponseWriter, *http.Request, *Error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		authed, err := v.Authenticate(r)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				e = Errorf(http.StatusInternalServerError, "InternalFailure", "%s", err)
			}
			fail(w, r, e)
			return
		}
		next.ServeHTTP(w, authed)
	})
}

// readBody reads r's body and puts a copy in its place.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := readAll(r.Body, r.ContentLength, MaxBufferedBody+1)
	if err != nil {
		return nil, Errorf(http.StatusBadRequest, "RequestTimeout", "The request body could not be read: %s", err)
	}
	if len(body) > MaxBufferedBody {
		return nil, Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "Request body is too large")
	}
	_ = r.Body.Close()
	r.Body = newBufferedBody(body)
	r.ContentLength = int64(len(body))
	return body, nil
}

// verify checks r's signature, in its headers or presigned. It doesn't read the
// body: S3 signs the payload hash that the request declares (x-amz-content-sha256),
// and the reader of the body must check that hash. bodyHash is the payload hash of
// other services; "" stands for an empty body. Errors are *Error with the codes of
// the service that the request is for.
func (v *Verifier) verify(r *http.Request, d dialect, bodyHash string) (*signature, error) {
	if IsV2(r) {
		return v.verifyV2(r)
	}
	sig, err := parseSignature(r, d)
	if err != nil {
		return nil, err
	}
	if (sig.service == "s3") != (d == dialectS3) {
		return nil, d.wrongService(sig.service)
	}
	if d == dialectS3 && !sig.presigned && r.Header.Get("X-Amz-Content-Sha256") == "" {
		return nil, Errorf(http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	}
	if err := v.checkTime(sig, d); err != nil {
		return nil, err
	}
	if err := checkSignedHeaders(r, sig, d); err != nil {
		return nil, err
	}
	secret, ok := v.secrets[sig.accessKeyID]
	if !ok {
		return nil, d.unknownKey(sig.accessKeyID)
	}
	canonical, ok := appendCanonical(make([]byte, 0, 1024), r, sig, payloadHash(r, sig, bodyHash))
	toSign := appendToSign(make([]byte, 0, 256), sig, canonical)
	var known bool
	sig.key, known = v.keys.get(secret, sig)
	// A missing header is reported as a wrong signature.
	if !sig.key.signed(toSign, sig.signature) || !ok {
		return nil, d.mismatch(sig, string(canonical), string(toSign))
	}
	if !known {
		v.keys.put(sig)
	}
	return sig, nil
}

// payloadHash is the last line of the canonical request.
func payloadHash(r *http.Request, sig *signature, bodyHash string) string {
	if sig.service != "s3" {
		if bodyHash == "" {
			return emptySHA256
		}
		return bodyHash
	}
	if sig.presigned {
		// S3 checks the payload of a presigned request only if its hash is signed.
		if h := queryGet(r, "X-Amz-Content-Sha256"); h != "" {
			return h
		}
		if !sig.signs("x-amz-content-sha256") {
			return UnsignedPayload
		}
	}
	return r.Header.Get("X-Amz-Content-Sha256")
}

// checkTime allows ±15 minutes for a signature in the headers, and for a presigned
// request the time up to its expiry.
func (v *Verifier) checkTime(sig *signature, d dialect) error {
	now := v.clock.Now()
	if sig.time.After(now.Add(maxSkew)) {
		return d.notYetValid(sig, now)
	}
	life := maxSkew
	if sig.presigned && sig.expires >= 0 {
		life = sig.expires
	}
	if now.After(sig.time.Add(life)) {
		return d.expired(sig, now)
	}
	return nil
}

// checkSignedHeaders returns an error unless the required headers are signed: host
// and, for S3, every x-amz-* header of the request.
func checkSignedHeaders(r *http.Request, sig *signature, d dialect) error {
	var missing []string
	if !sig.signs("host") {
		missing = append(missing, "host")
	}
	if d == dialectS3 {
		for name := range r.Header {
			name = strings.ToLower(name)
			// x-amz-content-sha256 takes part through the payload hash.
			if strings.HasPrefix(name, "x-amz-") && name != "x-amz-content-sha256" && !sig.signs(name) {
				missing = append(missing, name)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return d.headersNotSigned(missing)
}
