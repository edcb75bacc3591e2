// Package logchunk sends the chunks of a log to S3, as a write grant permits.
package logchunk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/errandhq/errand"
)

// timeout bounds one try to send n bytes: it is enough for 10 kB/s.
func timeout(n int) time.Duration {
	return 10*time.Second + time.Duration(n)*time.Second/10_000
}

// refusal: the storage won't accept the chunk with this grant.
type refusal struct{ error }

// IsRefusal reports whether the storage refused the grant or the chunk: another try with
// the same grant is refused, too.
func IsRefusal(err error) bool {
	var r *refusal
	return errors.As(err, &r)
}

// Post writes one object with an S3 POST policy: the grant's fields, the
// key, and last the bytes.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
func Post(ctx context.Context, client *http.Client, g errand.WriteGrant, key string, chunk []byte) error {
	body, contentType, err := form(g.Fields, key, chunk)
	if err != nil {
		return fmt.Errorf("encode a log chunk: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout(len(chunk)))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL, body)
	if err != nil {
		return &refusal{fmt.Errorf("invalid address of the storage: %w", err)}
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 300)) // only for the message
	switch {
	case resp.StatusCode < 300:
		return nil
	case resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusRequestTimeout:
		return &refusal{fmt.Errorf("the storage answered %s: %s", resp.Status, text)}
	}
	return fmt.Errorf("the storage answered %s: %s", resp.Status, text)
}

func form(fields map[string]string, key string, chunk []byte) (io.Reader, string, error) {
	var b bytes.Buffer
	b.Grow(len(chunk) + 8<<10)
	w := multipart.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name == "key" || name == "file" {
			continue
		}
		if err := w.WriteField(name, fields[name]); err != nil {
			return nil, "", err
		}
	}
	if err := w.WriteField("key", key); err != nil {
		return nil, "", err
	}
	file, err := w.CreateFormFile("file", "chunk")
	if err != nil {
		return nil, "", err
	}
	if _, err := file.Write(chunk); err != nil {
		return nil, "", err
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return bytes.NewReader(b.Bytes()), w.FormDataContentType(), nil
}
