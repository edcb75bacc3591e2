package callserver

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// BenchmarkServer is what a call costs here and in net/http's server: the
// handler does nothing, the client as little as it can.
func BenchmarkServer(b *testing.B) {
	rest := func() *http.Server {
		return &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
			_, _ = io.WriteString(w, answer)
		})}
	}
	b.Run("callserver", func(b *testing.B) {
		s := New(rest())
		b.Cleanup(func() { _ = s.Close() })
		callServer(b, s)
	})
	b.Run("net-http", func(b *testing.B) {
		s := rest()
		b.Cleanup(func() { _ = s.Close() })
		callServer(b, s)
	})
}

var answer = strings.Repeat("a", 150)

func callServer(b *testing.B, s interface{ Serve(net.Listener) error }) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	headText, body, _ := strings.Cut(sdkCall, "\r\n\r\n")
	head := []byte(headText + "\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		// The SDK sends head and body apart.
		if _, err := c.Write(head); err != nil {
			b.Fatal(err)
		}
		if _, err := io.WriteString(c, body); err != nil {
			b.Fatal(err)
		}
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := r.Discard(len(answer)); err != nil {
			b.Fatal(err)
		}
	}
}

// sdkCall is what aws-sdk-go-v2 sends.
var sdkCall = "POST / HTTP/1.1\r\n" +
	"Host: 127.0.0.1:4566\r\n" +
	"User-Agent: aws-sdk-go-v2/1.39.2 ua/2.1 os/linux lang/go#1.26.0 md/GOOS#linux md/GOARCH#amd64 api/sqs#1.42.8 m/E,g\r\n" +
	"Content-Length: " + strconv.Itoa(len(sdkBody)) + "\r\n" +
	"Amz-Sdk-Invocation-Id: 8b1c4aa0-0bb2-4e2c-a2c5-d22b3c32c3a2\r\n" +
	"Amz-Sdk-Request: attempt=1; max=3\r\n" +
	"Authorization: AWS4-HMAC-SHA256 Credential=test/20261126/us-east-1/sqs/aws4_request, SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date;x-amz-target, Signature=" + strings.Repeat("0123456789abcdef", 4) + "\r\n" +
	"Content-Type: application/x-amz-json-1.0\r\n" +
	"X-Amz-Date: 20261126T004500Z\r\n" +
	"X-Amz-Target: AmazonSQS.SendMessage\r\n" +
	"X-Amzn-Query-Mode: true\r\n" +
	"Accept-Encoding: gzip\r\n\r\n" + sdkBody

var sdkBody = `{"MessageBody":"` + strings.Repeat("errand. ", 32) + `","MessageDeduplicationId":"dedup-1","MessageGroupId":"group-1","QueueUrl":"http://127.0.0.1:4566/000000000000/q.fifo"}`
