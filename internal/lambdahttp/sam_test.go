package lambdahttp_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

// TestSAMIsAWS: a request is the same to the handler in the form that API
// Gateway sends and in that of sam local, which was recorded: header names with
// capitals, cookies in a header as well, bodies never in base64, empty mappings.
func TestSAMIsAWS(t *testing.T) {
	files, err := filepath.Glob("../../test/events/*.sam.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("recorded events %v, %v", files, err)
	}
	for _, sam := range files {
		aws := strings.TrimSuffix(sam, ".sam.json") + ".aws.json"
		if diff := cmp.Diff(seenOf(t, aws), seenOf(t, sam)); diff != "" {
			t.Errorf("%s (-AWS +SAM):\n%s", filepath.Base(sam), diff)
		}
	}
}

// seenOf is what a handler sees of a recorded request, without what the two
// platforms say of themselves.
func seenOf(t *testing.T, file string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var e events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	var seen map[string]any
	_, err = invoke(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		header := map[string][]string{}
		for name, values := range r.Header { // Content-Length, which AWS always adds, is "length"
			if name != "Content-Length" && !strings.HasPrefix(name, "X-Forwarded-") && name != "X-Amzn-Trace-Id" && !strings.HasPrefix(name, "X-Golambdaproxy") {
				header[name] = values
			}
		}
		seen = map[string]any{
			"method": r.Method, "path": r.URL.Path, "query": r.URL.RawQuery, "body": string(body), "header": header,
			"length": r.ContentLength,
		}
		if want := e.Headers["host"] + e.Headers["Host"]; r.Host != want {
			t.Errorf("%s: host %q, want %q", file, r.Host, want)
		}
		w.WriteHeader(http.StatusNoContent)
	}, e)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return seen
}
