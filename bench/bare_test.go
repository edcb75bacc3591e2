package bench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// bare is the lower bound of a service: a handler that reads a request and sends a
// fixed response for the operation in X-Amz-Target, without checks or state.
type bare map[string]answer

type answer struct {
	contentType string
	body        string
}

func (h bare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	a, ok := h[r.Header.Get("X-Amz-Target")]
	if !ok {
		http.Error(w, "no canned answer", http.StatusNotImplemented)
		return
	}
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	_, _ = io.WriteString(w, a.body)
}

// overLoopback serves h on a port of its own and returns what SDK clients need
// to reach it.
func overLoopback(b testing.TB, h http.Handler) aws.Config {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(l) }()
	b.Cleanup(func() { srv.Close() })
	return clientConfig("http://"+l.Addr().String(), loopbackTransport(b))
}

// loopbackTransport keeps a connection for each worker: the SDK's own keeps
// ten, and would dial anew for the rest.
func loopbackTransport(b testing.TB) http.RoundTripper {
	t := &http.Transport{MaxIdleConnsPerHost: 64}
	b.Cleanup(t.CloseIdleConnections)
	return t
}

func clientConfig(endpoint string, t http.RoundTripper) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:   &http.Client{Transport: t},
	}
}

// inProcess is the minimal client configuration that reaches h without a socket.
func inProcess(h http.Handler) aws.Config {
	return clientConfig("http://127.0.0.1:0", direct{h})
}

type direct struct{ h http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil {
		req.Body = http.NoBody
	}
	defer req.Body.Close()
	w := &kept{header: http.Header{}, status: http.StatusOK}
	d.h.ServeHTTP(w, req)
	return &http.Response{
		Status: fmt.Sprint(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: req,
	}, nil
}

// kept is an answer in memory.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(p []byte) (int, error) { return k.body.Write(p) }
