package dynamodbwire

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func compressed(t *testing.T, encoding, text string) []byte {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "deflate" {
		w = zlib.NewWriter(&b)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCompressedRequests: gzip and deflate bodies are decompressed, within the limit of
// a request.
func TestCompressedRequests(t *testing.T) {
	t.Parallel()
	h := seeded(t)
	const body = `{"TableName":"none"}`
	zipped, deflated := compressed(t, "gzip", body), compressed(t, "deflate", body)
	twice := append(compressed(t, "gzip", body[:7]), compressed(t, "gzip", body[7:])...)
	const notFound = "400 ResourceNotFoundException"
	for name, c := range map[string]struct {
		encoding, want string
		body           []byte
	}{
		"identity":                {"identity", notFound, []byte(body)},
		"gzip":                    {"gzip", notFound, zipped},
		"gzip in capitals":        {"GZIP", notFound, zipped},
		"gzip in two parts":       {"gzip", notFound, twice},
		"deflate":                 {"deflate", notFound, deflated},
		"not gzip":                {"gzip", "400 SerializationException The body is not valid gzip", []byte(body)},
		"empty":                   {"gzip", "400 SerializationException The body is not valid gzip", nil},
		"cut off":                 {"gzip", "400 SerializationException The body is not valid gzip", zipped[:len(zipped)-1]},
		"followed by other bytes": {"gzip", "400 SerializationException The body is not valid gzip", append(bytes.Clone(zipped), "junk"...)},
		"unknown":                 {"br", "400 SerializationException Content-Encoding br is not supported: use gzip or deflate", []byte(body)},
		"16 MB":                   {"gzip", notFound, compressed(t, "gzip", body+strings.Repeat(" ", maxBody-len(body)))},
		"more than 16 MB":         {"gzip", "413", compressed(t, "gzip", body+strings.Repeat(" ", maxBody))},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(c.body))
		r.Header.Set("X-Amz-Target", targetPrefix+"DescribeTable")
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("Content-Encoding", c.encoding)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := fmt.Sprint(w.Code, " ", w.Body)
		for part := range strings.SplitSeq(c.want, " ") {
			if !strings.Contains(got, part) {
				t.Errorf("%s: %s, want %s", name, got, c.want)
				break
			}
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(compressed(t, "gzip", strings.Repeat(" ", 2*maxBody))))
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	Refuse(internalServerError).ServeHTTP(w, r)
	if w.Code != internalServerError.Status || !strings.Contains(w.Body.String(), internalServerError.Code) {
		t.Errorf("a request that is refused: %d %s", w.Code, w.Body)
	}
}

// TestCompressedResponses: from 4 KB on, a response is compressed if the caller asks,
// and its checksum is that of the bytes that are sent.
func TestCompressedResponses(t *testing.T) {
	t.Parallel()
	h := seeded(t)
	call(t, h, "PutItem", `{"TableName":"seed","Item":{"pk":{"S":"large"},"x":{"S":"`+strings.Repeat("x", minCompressed)+`"}}}`)
	call(t, h, "PutItem", `{"TableName":"seed","Item":{"pk":{"S":"small"},"x":{"S":"`+strings.Repeat("x", minCompressed/2)+`"}}}`)
	for _, c := range []struct{ item, accepted, want string }{
		{"large", "", ""}, {"large", "identity", ""}, {"small", "gzip", ""}, {"large", "br, zstd, x-gzip", ""},
		{"large", "gzip", "gzip"}, {"large", "deflate", "deflate"}, {"large", "gzip;q=0, deflate", "deflate"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"TableName":"seed","Key":{"pk":{"S":"`+c.item+`"}}}`))
		r.Header.Set("X-Amz-Target", targetPrefix+"GetItem")
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("Accept-Encoding", c.accepted)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		sent := w.Body.Bytes()
		if got := w.Header().Get("Content-Encoding"); w.Code != http.StatusOK || got != c.want {
			t.Errorf("%s, %q: %d, encoding %q, want %q", c.item, c.accepted, w.Code, got, c.want)
			continue
		}
		if got, want := w.Header().Get("X-Amz-Crc32"), fmt.Sprint(crc32.ChecksumIEEE(sent)); got != want || w.Header().Get("Content-Length") != fmt.Sprint(len(sent)) {
			t.Errorf("%s, %q: checksum %s, want %s; length %s of %d", c.item, c.accepted, got, want, w.Header().Get("Content-Length"), len(sent))
		}
		var plain io.Reader = bytes.NewReader(sent)
		var err error
		switch c.want {
		case "gzip":
			plain, err = gzip.NewReader(plain)
		case "deflate":
			plain, err = zlib.NewReader(plain)
		}
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(plain); err != nil || !strings.Contains(string(body), `"S":"`+c.item+`"`) {
			t.Errorf("%s, %q: %.99s, %v", c.item, c.accepted, body, err)
		}
	}
}

// TestChooseEncoding: which encoding DynamoDB was seen to choose.
func TestChooseEncoding(t *testing.T) {
	for accepted, want := range map[string]string{
		"gzip, deflate": "gzip", "br, identity, deflate, gzip": "deflate", "GZIP, identity": "gzip", "dog, gzip ,, cat": "gzip",
		"gzip;q=0.8, deflate;q=0.5": "gzip", "br, gzip;q=0, deflate; q = 0.5 , identity;q=0": "deflate",
		"*": "gzip", "*, deflate;q=0.5": "gzip", "*, deflate": "deflate", "*, identity": "gzip", "*, gzip;q=0.5": "deflate",
		"gzip ;q=0": "", "identity;q=0": "", "*;q=0": "", "*;q=0.5,identity": "gzip", "gzip;q=0.5,identity;q=0.8": "gzip", "br;q=0.8,identity;q=0.5,*;q=0": "",
		`"gzip"`: "", "gzip br": "", "gzip:q=1": "", "deflate;q=0.5, gzip;q=31": "gzip", "gzip;q=31,deflate;q=51": "gzip",
		"deflate;q=0.5, gzip;q=0.2": "deflate", "deflate;q=0.5, gzip;q=1;q=0.2": "gzip", "deflate;q=0.5,gzip;q=0.": "deflate", "deflate;q=0.5,gzip;q=0.x": "gzip",
		"deflate;q=-0.5,gzip;q=0.2": "gzip", "gzip;q= 0;q=1": "", "gzip;q =0;q=1": "gzip", "gzip;nq=0;q=1": "",
		"gzip;q=0, gzip;q=1, gzip;q=0": "gzip", "br,identity;q=0.5,gzip;q=0.0001": "gzip",
	} {
		if got := chooseEncoding(accepted); got != want {
			t.Errorf("%s: %q, want %q", accepted, got, want)
		}
	}
}

// TestAccountOperations: the quotas of an account, and the endpoint that the caller uses.
func TestAccountOperations(t *testing.T) {
	t.Parallel()
	h := seeded(t)
	for operation, want := range map[string]string{
		"DescribeLimits":    `{"AccountMaxReadCapacityUnits":80000,"AccountMaxWriteCapacityUnits":80000,"TableMaxReadCapacityUnits":40000,"TableMaxWriteCapacityUnits":40000}`,
		"DescribeEndpoints": `{"Endpoints":[{"Address":"example.com","CachePeriodInMinutes":1440}]}`,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}"))
		r.Header.Set("X-Amz-Target", targetPrefix+operation)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", operation, w.Code, w.Body, want)
		}
	}
}
