package bench

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// leastObject does only what every durable, authenticated PutObject must: it checks
// the signature, computes the MD5 that is the ETag, and writes the body to a log
// whose syncs callers share. It has no buckets and no keys.
type leastObject struct{ *leastSend }

func newLeastBucket(b testing.TB) *s3.Client {
	return newBucket(b, overLoopback(b, leastObject{newLeast(b)}))
}

func (h leastObject) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = h.put(r, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	sum := md5.Sum(body)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
}

func (h leastObject) put(r *http.Request, body []byte) error {
	if !h.signed(r, body) {
		return errors.New("wrong signature")
	}
	if r.URL.RawQuery == "" { // CreateBucket
		return nil
	}
	return h.log.append(body)
}

// TestLeastObject: the handler accepts valid requests, and refuses others.
func TestLeastObject(t *testing.T) {
	client := newLeastBucket(t)
	if err := putSmall(client, 1); err != nil {
		t.Error(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, *client.Options().BaseEndpoint+"/bench/1?x-id=PutObject", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("unsigned: %s", resp.Status)
	}
}
