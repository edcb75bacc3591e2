package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/errandhq/errand"
)

// readBody reads a JSON body of at most limit bytes; nothing if limit is 0.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if limit == 0 {
		return nil, nil
	}
	if err := checkMedia(r.Header); err != nil {
		return nil, err
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, &errand.Error{Code: errand.CodeMalformed, Message: "the connection closed before the whole body arrived", Cause: err}
	}
	return b, nil
}

func tooLarge(limit int64) error {
	return errand.Errorf(errand.CodePayloadTooLarge, "the body is larger than %d bytes; files go to POST /api/uploads", limit)
}

// checkMedia requires the content type of JSON. A page of another origin can send
// it only after a preflight, which this server refuses.
func checkMedia(h http.Header) error {
	media, p, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, ok := p["charset"]
	if err != nil || media != "application/json" || ok && !strings.EqualFold(charset, "utf-8") {
		return errand.Errorf(errand.CodeUnsupportedMedia, "send the body as Content-Type: application/json")
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return errand.Errorf(errand.CodeUnsupportedMedia, "Content-Encoding %q is not supported: send the body uncompressed", cut(e))
	}
	return nil
}

// decode reads the body into v, a pointer to one of the wire types.
func (c *request) decode(v any) error {
	if err := decodeStrict(c.body, v); err != nil {
		return fmt.Errorf("decode the body: %w", err)
	}
	return nil
}
