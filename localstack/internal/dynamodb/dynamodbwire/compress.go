// https://docs.aws.amazon.com/sdkref/latest/guide/feature-compression.html

package dynamodbwire

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// minCompressed is the size from which DynamoDB compresses responses, in bytes
// (observed; ScyllaDB's tests).
const minCompressed = 4 << 10

// readBody reads a request's body, decompressed by its Content-Encoding. Both forms may
// have up to maxBody bytes.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := awswire.ReadBody(w, r, maxBody)
	if err != nil {
		return nil, err
	}
	encoding := r.Header.Get("Content-Encoding")
	var open func(io.Reader) (io.ReadCloser, error)
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, nil
	case "gzip":
		open = func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
	case "deflate":
		open = zlib.NewReader
	default:
		return nil, serialization("Content-Encoding " + encoding + " is not supported: use gzip or deflate")
	}
	plain, err := open(bytes.NewReader(body))
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(plain, maxBody+1))
	}
	switch {
	case err != nil: // AWS answers with status 500, which clients try again
		return nil, serialization("The body is not valid " + encoding + ", which Content-Encoding names")
	case len(body) > maxBody:
		return nil, &http.MaxBytesError{Limit: maxBody}
	}
	return body, nil
}

// compressFor returns the body as the request accepts it, and names its encoding.
func compressFor(w http.ResponseWriter, r *http.Request, body []byte) []byte {
	accepted := r.Header.Get("Accept-Encoding") // AWS looks at the first one only
	if len(body) < minCompressed || accepted == "" || accepted == "identity" {
		return body
	}
	var b bytes.Buffer
	var compressor io.WriteCloser
	encoding := chooseEncoding(accepted)
	switch encoding {
	case "gzip":
		compressor = gzip.NewWriter(&b)
	case "deflate":
		compressor = zlib.NewWriter(&b)
	default:
		return body
	}
	_, _ = compressor.Write(body) // a bytes.Buffer never fails
	_ = compressor.Close()
	w.Header().Set("Content-Encoding", encoding)
	return b.Bytes()
}

// chooseEncoding returns gzip or deflate by the value of an Accept-Encoding header, or
// "". Of two equal ones it is the first, and an encoding that is named precedes one that
// only * stands for.
func chooseEncoding(accepted string) string {
	named, order := map[string]float64{}, []string{}
	for entry := range strings.SplitSeq(accepted, ",") {
		name, params, _ := strings.Cut(entry, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if q, ok := named[name]; !ok {
			order = append(order, name)
			named[name] = quality(params)
		} else {
			named[name] = max(q, quality(params))
		}
	}
	best, bestQuality := "", 0.0
	consider := func(name string, q float64) {
		if q > bestQuality {
			best, bestQuality = name, q
		}
	}
	for _, name := range order {
		if name == "gzip" || name == "deflate" {
			consider(name, named[name])
		}
	}
	for _, name := range []string{"gzip", "deflate"} {
		if _, ok := named[name]; !ok {
			consider(name, named["*"])
		}
	}
	return best
}

// quality returns the weight of an accepted encoding. As on AWS, the first q counts, and
// one that isn't a number is 1.
func quality(params string) float64 {
	_, text, ok := strings.Cut(params, "q=")
	if !ok {
		return 1
	}
	text, _, _ = strings.Cut(text, ";")
	q, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return 1
	}
	return min(max(q, 0), 1)
}
