// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html

package s3wire

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// maxChunkLine limits the lines between chunks: sizes, signatures, trailers.
const maxChunkLine = 8 << 10

// chunkedReader decodes a body in aws-chunked encoding:
//
//	SIZE[;chunk-signature=SIG] CRLF bytes CRLF … 0[;…] CRLF [name:value CRLF …] CRLF
//
// Signed chunks are checked as they pass: a wrong one ends the body with
// SignatureDoesNotMatch, so that nothing of it is stored.
type chunkedReader struct {
	r      *bufio.Reader
	signer *awswire.ChunkSigner // nil: chunks aren't signed
	left   int64                // of the chunk at hand
	sum    hash.Hash            // of the chunk at hand
	sig    string               // of the chunk at hand
	begun  bool
	err    error // what Read ends with
	// trailers are there once Read has returned io.EOF, by lower-case name.
	trailers map[string]string
}

func newChunkedReader(r io.Reader, signer *awswire.ChunkSigner) *chunkedReader {
	return &chunkedReader{r: bufio.NewReaderSize(r, 64<<10), signer: signer, sum: sha256.New(), trailers: map[string]string{}}
}

// Read implements io.Reader.
func (c *chunkedReader) Read(p []byte) (int, error) {
	for c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if c.signer != nil {
		c.sum.Write(p[:n])
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	c.err = err
	return n, err
}

// next ends the current chunk and begins the next one. It returns io.EOF after the
// last.
func (c *chunkedReader) next() error {
	if c.begun {
		if line, err := c.line(); err != nil || line != "" {
			return malformedChunk(err)
		}
		if err := c.checkChunk(); err != nil {
			return err
		}
	}
	c.begun = true
	line, err := c.line()
	if err != nil {
		return malformedChunk(err)
	}
	size, ext, _ := strings.Cut(line, ";")
	n, err := strconv.ParseInt(size, 16, 64)
	if err != nil || n < 0 {
		return malformedChunk(nil)
	}
	c.left, c.sig = n, strings.TrimPrefix(ext, "chunk-signature=")
	if n > 0 {
		return nil
	}
	if err := c.checkChunk(); err != nil {
		return err
	}
	if err := c.readTrailers(); err != nil {
		return err
	}
	return io.EOF
}

func (c *chunkedReader) checkChunk() error {
	if c.signer == nil {
		return nil
	}
	ok := c.signer.Chunk(hex.EncodeToString(c.sum.Sum(nil)), c.sig)
	c.sum.Reset()
	if !ok {
		return chunkMismatch()
	}
	return nil
}

// readTrailers reads up to the empty line at the end, which some clients leave out.
func (c *chunkedReader) readTrailers() error {
	var signed strings.Builder
	separated := false // minio-go has an empty line before the signature
	for signed.Len() < maxChunkLine {
		line, err := c.line()
		_, hasSignature := c.trailers["x-amz-trailer-signature"]
		switch {
		case err == nil && line == "" && c.signer != nil && signed.Len() > 0 && !hasSignature && !separated:
			separated = true
			continue
		case errors.Is(err, io.EOF), err == nil && line == "":
			return c.checkTrailers(signed.String())
		case err != nil:
			return malformedChunk(err)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return malformedChunk(nil)
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		c.trailers[name] = value
		if name != "x-amz-trailer-signature" {
			signed.WriteString(name + ":" + value + "\n")
		}
	}
	return malformedChunk(nil)
}

func (c *chunkedReader) checkTrailers(lines string) error {
	sig, given := c.trailers["x-amz-trailer-signature"]
	if c.signer == nil || lines == "" && !given {
		return nil
	}
	if !c.signer.Trailer(lines, sig) {
		return chunkMismatch()
	}
	return nil
}

// line reads a line without its end, CRLF or LF.
func (c *chunkedReader) line() (string, error) {
	var b []byte
	for {
		part, err := c.r.ReadSlice('\n')
		if b = append(b, part...); len(b) > maxChunkLine {
			return "", bufio.ErrTooLong
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(b) > 0:
			return "", io.ErrUnexpectedEOF
		case err != nil:
			return "", err
		default:
			return strings.TrimRight(string(b), "\r\n"), nil
		}
	}
}

func malformedChunk(err error) error {
	if err == nil || errors.Is(err, bufio.ErrTooLong) {
		return awswire.Errorf(http.StatusBadRequest, "InvalidRequest", "The body is not in aws-chunked encoding.")
	}
	return awswire.Errorf(http.StatusBadRequest, "IncompleteBody", "The request body terminated unexpectedly")
}

func chunkMismatch() error {
	return awswire.Errorf(http.StatusForbidden, "SignatureDoesNotMatch", "The chunk signature we calculated does not match the signature you provided. Check your key and signing method.")
}
