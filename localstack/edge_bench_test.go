package localstack_test

import (
	"bytes"
	"context"
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

	"github.com/errandhq/errand/localstack"
)

// discard is a ResponseWriter that keeps the status alone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// signedCalls are n requests as the SDK signs them, made beforehand: what is
// timed is the server's part alone.
func signedCalls(b *testing.B, s *localstack.Stack, target string, body func(i int) string, n int) []*http.Request {
	c := s.Credentials()
	creds := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey}
	signer := v4.NewSigner()
	calls := make([]*http.Request, n)
	for i := range calls {
		text := body(i)
		r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", strings.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amzn-Query-Mode", "true")
		r.Header.Set("Amz-Sdk-Invocation-Id", "e4ea3bd4-9c5d-4f6d-8bc0-4f3bdb9a3ecb")
		r.Header.Set("Amz-Sdk-Request", "attempt=1; max=3")
		sum := sha256.Sum256([]byte(text))
		if err := signer.SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), "sqs", "us-east-1", time.Now()); err != nil {
			b.Fatal(err)
		}
		r.Header.Set("User-Agent", "aws-sdk-go-v2/1.47.8 ua/2.1 os/linux lang/go#1.26.8 md/GOOS#linux md/GOARCH#amd64 api/sqs#1.52.10 m/E,e")
		r.Host, r.RequestURI = "127.0.0.1:4566", "/"
		r.Body = io.NopCloser(bytes.NewReader([]byte(text)))
		calls[i] = r
	}
	return calls
}

// BenchmarkEdgeSend is what the stack does for a SendMessage between reading
// the request's headers and writing the answer, on one goroutine, disk aside.
func BenchmarkEdgeSend(b *testing.B) {
	s, err := localstack.Start(b.Context(), localstack.Config{Template: nil})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	serve := func(r *http.Request) {
		w := &discard{header: http.Header{}}
		s.Edge().ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
	}
	serve(signedCalls(b, s, "AmazonSQS.CreateQueue", func(int) string {
		return `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true"}}`
	}, 1)[0])
	text := strings.Repeat("errand. ", 32)
	calls := signedCalls(b, s, "AmazonSQS.SendMessage", func(i int) string {
		return fmt.Sprintf(`{"QueueUrl":"http://127.0.0.1:4566/000000000000/q.fifo","MessageBody":%q,"MessageGroupId":"g%d","MessageDeduplicationId":"d%d"}`, text, i%100, i)
	}, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for _, r := range calls {
		serve(r)
	}
}
