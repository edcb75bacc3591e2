package dynamodbwire

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// TestBrokenBody: an incomplete request, or one with invalid chunks, never gets a
// successful response.
func TestBrokenBody(t *testing.T) {
	body := io.MultiReader(strings.NewReader(`{"TableName":`), iotest.ErrReader(io.ErrUnexpectedEOF))
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("X-Amz-Target", targetPrefix+"PutItem")
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	w := httptest.NewRecorder()
	New(nil, Options{}).ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "SerializationException") {
		t.Errorf("answered with %d %s", w.Code, w.Body)
	}
}
