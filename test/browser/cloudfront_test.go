package browser

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand/web"
)

// cloudFront serves a directory as infra/page.yaml's distribution does its bucket.
type cloudFront struct {
	bucket, index string
	headers       map[string]string // of the response headers policy
}

// newCloudFront reads infra/page.yaml, with these parameters.
func newCloudFront(t *testing.T, bucket string, parameters map[string]string) cloudFront {
	t.Helper()
	b, err := os.ReadFile("../../infra/page.yaml")
	require(t, err)
	var n yaml.Node
	require(t, yaml.Unmarshal(b, &n))
	e := evaluator{"AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": ""}
	for name, value := range parameters {
		e[name] = value
	}
	doc := e.eval(t, &n)
	c := cloudFront{bucket: bucket, headers: map[string]string{}}
	c.index = at(t, doc, "Resources.Distribution.Properties.DistributionConfig.DefaultRootObject").(string)
	policy := "Resources.Headers.Properties.ResponseHeadersPolicyConfig."
	security := policy + "SecurityHeadersConfig."
	for header, value := range map[string]any{
		"Content-Security-Policy":   at(t, doc, security+"ContentSecurityPolicy.ContentSecurityPolicy"),
		"X-Frame-Options":           at(t, doc, security+"FrameOptions.FrameOption"),
		"Referrer-Policy":           at(t, doc, security+"ReferrerPolicy.ReferrerPolicy"),
		"Strict-Transport-Security": "max-age=" + fmt.Sprint(at(t, doc, security+"StrictTransportSecurity.AccessControlMaxAgeSec")),
	} {
		c.headers[header] = value.(string)
	}
	if at(t, doc, security+"ContentTypeOptions.Override") == "true" {
		c.headers["X-Content-Type-Options"] = "nosniff"
	}
	for _, item := range at(t, doc, policy+"CustomHeadersConfig.Items").([]any) {
		m := item.(map[string]any)
		c.headers[m["Header"].(string)] = m["Value"].(string)
	}
	return c
}

// at is what stands at a path of a template.
func at(t *testing.T, doc any, path string) any {
	t.Helper()
	for name := range strings.SplitSeq(path, ".") {
		m, _ := doc.(map[string]any)
		if doc = m[name]; doc == nil {
			t.Fatalf("infra/page.yaml has no %s", path)
		}
	}
	return doc
}

// evaluator has the values of a template's parameters. It evaluates the functions that
// infra/page.yaml uses where a test looks.
type evaluator map[string]string

func (e evaluator) eval(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch {
	case n.Tag == "!Ref":
		return e[n.Value]
	case n.Tag == "!Sub" && n.Kind == yaml.ScalarNode:
		return e.sub(n.Value)
	case n.Tag == "!Sub":
		own := evaluator{}
		for name, value := range e {
			own[name] = value
		}
		for name, value := range e.eval(t, n.Content[1]).(map[string]any) {
			own[name] = value.(string)
		}
		return own.sub(n.Content[0].Value)
	case n.Tag == "!If":
		which := n.Content[2]
		if given := map[string]string{"ObjectUrlGiven": e["ObjectUrl"], "OwnHostName": e["HostName"]}; given[n.Content[0].Value] != "" {
			which = n.Content[1]
		}
		return e.eval(t, which)
	case n.Kind == yaml.DocumentNode:
		return e.eval(t, n.Content[0])
	case n.Kind == yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = e.eval(t, n.Content[i+1])
		}
		return m
	case n.Kind == yaml.SequenceNode:
		var all []any
		for _, c := range n.Content {
			all = append(all, e.eval(t, c))
		}
		return all
	}
	return n.Value
}

func (e evaluator) sub(text string) string {
	for name, value := range e {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	return text
}

// ServeHTTP implements http.Handler.
func (c cloudFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, value := range c.headers {
		h.Set(name, value)
	}
	key := strings.TrimPrefix(r.URL.Path, "/")
	if key == "" {
		key = c.index
	}
	body, err := os.ReadFile(filepath.Join(c.bucket, filepath.FromSlash(key)))
	about, aboutErr := os.ReadFile(filepath.Join(c.bucket, filepath.FromSlash(key)+aboutSuffix))
	var o object
	if err != nil || aboutErr != nil || json.Unmarshal(about, &o) != nil {
		http.Error(w, "AccessDenied", http.StatusForbidden) // S3's answer to who may not list
		return
	}
	h.Set("Content-Type", o.ContentType)
	h.Set("Cache-Control", o.CacheControl)
	if len(body) < 1000 || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = w.Write(body)
		return
	}
	h.Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	_, _ = z.Write(body)
	_ = z.Close()
}

// ofTheFile are headers of an answer that no policy sets.
var ofTheFile = map[string]bool{"Accept-Ranges": true, "Cache-Control": true, "Content-Length": true, "Content-Type": true, "Etag": true, "Vary": true}

// TestPageTemplateHeaders: the page has the same headers from CloudFront as from the
// program, and may connect to the API and to its bucket besides.
func TestPageTemplateHeaders(t *testing.T) {
	const api, bucket = "https://a1.execute-api.eu-west-1.amazonaws.com", "https://errand-bucket.s3.eu-west-1.amazonaws.com"
	rec := httptest.NewRecorder()
	web.Handler("").ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	for _, tt := range []struct{ objectURL, connect string }{
		{"", api + " " + bucket},
		{"https://s3.example", api + " https://s3.example"},
	} {
		c := newCloudFront(t, "", map[string]string{"ApiUrl": api, "ObjectBucket": "errand-bucket", "ObjectUrl": tt.objectURL})
		for name, values := range rec.Header() {
			want := strings.Replace(values[0], "connect-src 'self'", "connect-src 'self' "+tt.connect, 1)
			if got := c.headers[name]; got != want && !ofTheFile[name] {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		if got := c.headers["Strict-Transport-Security"]; got != "max-age=31536000" {
			t.Errorf("Strict-Transport-Security: %s", got)
		}
	}
}
