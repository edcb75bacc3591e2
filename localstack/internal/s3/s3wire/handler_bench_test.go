package s3wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/s3"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
)

// BenchmarkHandler is what the stack's own code costs for an object of 4 KB: no
// client, no connection, no signature, no disk.
func BenchmarkHandler(b *testing.B) {
	body := bytes.Repeat([]byte("errand. "), 512)
	hash, crc := sha256.Sum256(body), binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body))
	put := http.Header{"X-Amz-Content-Sha256": {hex.EncodeToString(hash[:])}, "X-Amz-Checksum-Crc32": {base64.StdEncoding.EncodeToString(crc)}, "X-Amz-Sdk-Checksum-Algorithm": {"CRC32"}, "Content-Type": {"application/octet-stream"}}
	get := http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}}
	fs := vfs.NewMem()
	store, err := kv.Open("db", kv.Options{FS: fs, NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	e, err := s3.Open(s3.Config{Config: engine.Config{Store: store, Logf: b.Logf}, Dir: "s3", FS: fs})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		e.Close()
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	h := s3wire.New(e, s3wire.Options{})
	serve := func(b *testing.B, method, path string, header http.Header, body []byte) {
		r := httptest.NewRequest(method, path, bytes.NewReader(body))
		r.Host, r.Header = "127.0.0.1:4566", header
		w := &httptest.ResponseRecorder{Body: &bytes.Buffer{}, Code: http.StatusOK}
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		_, _ = io.Copy(io.Discard, w.Body)
	}
	serve(b, http.MethodPut, "/bench", nil, nil)
	serve(b, http.MethodPut, "/bench/0", put, body)
	i := 0
	for _, bm := range []struct {
		name string
		op   func(*testing.B)
	}{
		{"Put", func(b *testing.B) {
			serve(b, http.MethodPut, fmt.Sprintf("/bench/%d?x-id=PutObject", i%1000), put, body)
		}},
		{"Get", func(b *testing.B) { serve(b, http.MethodGet, "/bench/0?x-id=GetObject", get, nil) }},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bm.op(b)
				i++
			}
		})
	}
}
