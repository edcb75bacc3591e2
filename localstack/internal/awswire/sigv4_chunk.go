// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html

package awswire

import "context"

// A ChunkSigner checks the signatures inside a signed aws-chunked body
// (STREAMING-AWS4-HMAC-SHA256-PAYLOAD, with or without -TRAILER): each covers
// the one before it, the first the request's own. It serves one body, by one
// goroutine.
type ChunkSigner struct {
	key         *signingKey
	date, scope string
	prev        string
}

type chunkSignerKey struct{}

// ChunkSignerFrom returns the signer of the verified S3 request that ctx
// belongs to; nil if no signature was checked.
func ChunkSignerFrom(ctx context.Context) *ChunkSigner {
	s, _ := ctx.Value(chunkSignerKey{}).(*ChunkSigner)
	return s
}

// Chunk reports whether signature is that of the next chunk, whose bytes have
// the lower-case hex SHA-256 dataSHA256.
func (s *ChunkSigner) Chunk(dataSHA256, signature string) bool {
	return s.check("AWS4-HMAC-SHA256-PAYLOAD", emptySHA256+"\n"+dataSHA256, signature)
}

// Trailer reports whether signature is that of the trailing headers, given as
// "name:value\n" lines.
func (s *ChunkSigner) Trailer(lines, signature string) bool {
	return s.check("AWS4-HMAC-SHA256-TRAILER", sha256Hex(lines), signature)
}

func (s *ChunkSigner) check(kind, what, signature string) bool {
	text := []byte(kind + "\n" + s.date + "\n" + s.scope + "\n" + s.prev + "\n" + what)
	s.prev = string(s.key.sign(text))
	return s.key.signed(text, signature)
}
