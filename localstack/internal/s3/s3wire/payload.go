// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html

package s3wire

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// payload is a request's decoded body and what the headers say of it.
type payload struct {
	body     io.Reader
	size     int64 // -1 if not said
	expected s3.ExpectedDigests
	checked  bool // the sender gave a Content-MD5 or a checksum
}

// payload reads the headers that describe the body.
// Errors: InvalidDigest, InvalidRequest, InvalidArgument, MissingContentLength.
func (c *request) payload() (*payload, error) {
	p := &payload{body: c.r.Body, size: c.r.ContentLength}
	if p.body == nil {
		p.body = http.NoBody
	}
	var chunks *chunkedReader
	hash := c.query.Get("X-Amz-Content-Sha256") // of a presigned request that fixes its payload
	if hash == "" {
		hash = c.r.Header.Get("X-Amz-Content-Sha256")
	}
	switch hash {
	case "", awswire.UnsignedPayload:
	case awswire.StreamingUnsigned:
		chunks = newChunkedReader(p.body, nil)
	case awswire.StreamingSigned, awswire.StreamingSignedTrailer:
		chunks = newChunkedReader(p.body, awswire.ChunkSignerFrom(c.r.Context()))
	default:
		if sum, err := hex.DecodeString(hash); err != nil || len(sum) != 32 {
			return nil, awswire.Errorf(http.StatusBadRequest, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.")
		}
		p.expected.SHA256 = strings.ToLower(hash)
	}
	if chunks != nil {
		p.body, p.size = chunks, -1
		if n, err := strconv.ParseInt(c.r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64); err == nil && n >= 0 {
			p.size = n
		}
	} else if p.size < 0 {
		return nil, awswire.Errorf(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	if err := p.setMD5(c.r.Header); err != nil {
		return nil, err
	}
	return p, p.setChecksum(c.r.Header, chunks)
}

func (p *payload) setMD5(h http.Header) error {
	if _, ok := h["Content-Md5"]; !ok {
		return nil
	}
	sum, err := base64.StdEncoding.DecodeString(h.Get("Content-Md5"))
	if err != nil || len(sum) != 16 {
		return invalidDigest(h.Get("Content-Md5"))
	}
	p.expected.MD5, p.checked = sum, true
	return nil
}

func invalidDigest(value string) *awswire.Error {
	e := awswire.Errorf(http.StatusBadRequest, "InvalidDigest", "The Content-MD5 you specified was invalid.")
	e.Fields = map[string]any{"Content-MD5": value}
	return e
}

// setChecksum reads the x-amz-checksum-* header, or the name of the trailer in
// x-amz-trailer. S3 ignores query parameters of those names.
func (p *payload) setChecksum(h http.Header, chunks *chunkedReader) error {
	alg, value, err := headerChecksum(h)
	if err != nil {
		return err
	}
	trailer := strings.ToLower(strings.TrimSpace(h.Get("X-Amz-Trailer")))
	announced, inTrailer := strings.CutPrefix(trailer, "x-amz-checksum-")
	switch {
	case alg != "" && inTrailer:
		return multipleChecksums()
	case alg != "":
		p.expected.Value = func() string { return value }
	case inTrailer && chunks != nil:
		if alg = s3.Algorithm(strings.ToUpper(announced)); !alg.Valid() {
			return invalidRequest("The value specified in the x-amz-trailer header is not supported")
		}
		p.body = &trailerReader{chunkedReader: chunks, name: trailer, algorithm: alg}
		p.expected.Value = func() string { return chunks.trailers[trailer] }
	case h.Get("X-Amz-Sdk-Checksum-Algorithm") != "":
		return invalidRequest("x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	default:
		return nil
	}
	if sdk := h.Get("X-Amz-Sdk-Checksum-Algorithm"); sdk != "" && !strings.EqualFold(sdk, string(alg)) {
		return invalidRequest("Value for x-amz-sdk-checksum-algorithm header is invalid.")
	}
	p.expected.Algorithm, p.checked = alg, true
	return nil
}

// trailerReader fails at the end if the announced trailer is missing.
type trailerReader struct {
	*chunkedReader
	name      string
	algorithm s3.Algorithm
}

func (t *trailerReader) Read(b []byte) (int, error) {
	n, err := t.chunkedReader.Read(b)
	if errors.Is(err, io.EOF) && !t.algorithm.ValidValue(t.trailers[t.name]) {
		err = awswire.Errorf(http.StatusBadRequest, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
	}
	return n, err
}

// checksumHeader has the canonical name of each algorithm's header.
var checksumHeader = func() map[s3.Algorithm]string {
	names := map[s3.Algorithm]string{}
	for _, a := range s3.Algorithms {
		names[a] = http.CanonicalHeaderKey("X-Amz-Checksum-" + string(a))
	}
	return names
}()

// headerChecksum reads the one x-amz-checksum-* among headers or form fields.
func headerChecksum(h http.Header) (alg s3.Algorithm, value string, err error) {
	if err := checkAlgorithms(h); err != nil {
		return "", "", err
	}
	for _, a := range s3.Algorithms {
		v := h.Get(checksumHeader[a])
		if v == "" {
			continue
		}
		if alg != "" {
			return "", "", multipleChecksums()
		}
		alg, value = a, v
	}
	if alg != "" && !alg.ValidValue(value) {
		return "", "", invalidRequest("Value for x-amz-checksum-" + strings.ToLower(string(alg)) + " header is invalid.")
	}
	return alg, value, nil
}

// checkAlgorithms refuses checksums of algorithms that aren't supported: MD5,
// SHA512, XXHASH64 and others. They would go unchecked.
func checkAlgorithms(h http.Header) error {
	for name := range h {
		suffix, ok := strings.CutPrefix(strings.ToUpper(name), "X-AMZ-CHECKSUM-")
		if ok && suffix != "ALGORITHM" && suffix != "MODE" && suffix != "TYPE" && !s3.Algorithm(suffix).Valid() {
			return unsupportedChecksum(strings.ToLower(name))
		}
	}
	return nil
}

func unsupportedChecksum(name string) error {
	return invalidRequest(name + " is not supported. The supported algorithms are CRC32, CRC32C, CRC64NVME, SHA1 and SHA256.")
}

func multipleChecksums() error {
	return invalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

func invalidRequest(message string) *awswire.Error {
	return awswire.Errorf(http.StatusBadRequest, "InvalidRequest", "%s", message)
}
