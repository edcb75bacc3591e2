package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func get(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler("").ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ref finds what the page loads.
var ref = regexp.MustCompile(`(?:src|href)="([^"]+)"`)

func TestEveryAssetOfThePageIsServed(t *testing.T) {
	page := get(t, "GET", "/")
	if page.StatusCode != 200 || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("/: %d %s", page.StatusCode, page.Header.Get("Content-Type"))
	}
	refs := ref.FindAllStringSubmatch(body(t, page), -1)
	kinds := map[string]bool{}
	for _, m := range refs {
		r := get(t, "GET", m[1])
		if r.StatusCode != 200 || r.Header.Get("Cache-Control") != cacheForever {
			t.Errorf("%s: %d, Cache-Control %q", m[1], r.StatusCode, r.Header.Get("Cache-Control"))
		}
		kinds[r.Header.Get("Content-Type")] = true
	}
	for _, kind := range []string{"text/javascript; charset=utf-8", "text/css; charset=utf-8", "image/svg+xml"} {
		if !kinds[kind] {
			t.Errorf("the page loads nothing of type %s; it loads %q", kind, refs)
		}
	}
}

// The page may call the origin of the objects, and no other.
func TestPolicyNamesTheOriginOfObjects(t *testing.T) {
	for objects, want := range map[string]string{"": "connect-src 'self';", "https://s3.example": "connect-src 'self' https://s3.example;"} {
		w := httptest.NewRecorder()
		Handler(objects).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, want) {
			t.Errorf("with objects at %q the policy is %q", objects, got)
		}
	}
}

// What runs inline would be stopped by the policy, and the page would be blank.
func TestNothingInline(t *testing.T) {
	page := body(t, get(t, "GET", "/"))
	if m := regexp.MustCompile(`<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=|data:`).FindString(page); m != "" {
		t.Errorf("the page has %q", m)
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 200}, {"HEAD", "/", 200}, {"POST", "/", 405},
		{"GET", "/index.html", 404}, {"GET", "/source.sha256", 404}, {"GET", "/assets/", 404}, {"GET", "/../web.go", 404}, {"GET", "/favicon.ico", 404},
	} {
		r := get(t, c.method, c.path)
		if r.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, r.StatusCode, c.status)
		}
		for name, want := range securityHeaders {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", c.method, c.path, name, got, want)
			}
		}
		if r.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s %s sets a cookie", c.method, c.path)
		}
	}
	if allow := get(t, "DELETE", "/").Header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow is %q", allow)
	}
}

func TestPolicy(t *testing.T) {
	policy := contentSecurityPolicy("")
	for _, need := range []string{"default-src 'self'", "connect-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, need) {
			t.Errorf("the policy lacks %s", need)
		}
	}
	for _, bad := range []string{"unsafe", "*", "http", "data:"} {
		if strings.Contains(policy, bad) {
			t.Errorf("the policy has %s", bad)
		}
	}
}

func TestPageIsAskedForAgainAndNotSentAgain(t *testing.T) {
	first := get(t, "GET", "/")
	etag := first.Header.Get("ETag")
	if first.Header.Get("Cache-Control") != cacheChecked || etag == "" {
		t.Fatalf("Cache-Control %q, ETag %q", first.Header.Get("Cache-Control"), etag)
	}
	if again := get(t, "GET", "/", "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
		t.Errorf("with its ETag: %d, want 304", again.StatusCode)
	}
	if other := get(t, "GET", "/", "If-None-Match", `"another"`); other.StatusCode != 200 {
		t.Errorf("with another ETag: %d, want 200", other.StatusCode)
	}
}

func TestBuildWithoutIndexIsRefused(t *testing.T) {
	_, err := load(fstest.MapFS{"dist/assets/a.js": {Data: []byte("1")}}, "dist")
	if err == nil || !strings.Contains(err.Error(), "npm run build") {
		t.Errorf("load: %v, want a hint to build", err)
	}
}

// Files go compressed to who takes that, with an ETag of their own.
func TestGzip(t *testing.T) {
	plain := get(t, "GET", "/")
	for accept, want := range map[string]bool{"gzip, deflate, br": true, "br;q=1.0, GZIP;q=0.5": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0.0": false, "x-gzip": false} {
		r := get(t, "GET", "/", "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != want || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: Content-Encoding %q, Vary %q", accept, r.Header.Get("Content-Encoding"), r.Header.Get("Vary"))
		}
		if !want {
			continue
		}
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil || string(b) != body(t, get(t, "GET", "/")) {
			t.Errorf("%q: another body, %v", accept, err)
		}
		etag := r.Header.Get("ETag")
		if etag == plain.Header.Get("ETag") {
			t.Errorf("two bodies have the ETag %s", etag)
		}
		if again := get(t, "GET", "/", "Accept-Encoding", accept, "If-None-Match", etag); again.StatusCode != http.StatusNotModified {
			t.Errorf("asked again: %d", again.StatusCode)
		}
	}
}

// The page asks this file where the API is: here, at its own origin.
func TestServerFile(t *testing.T) {
	r := get(t, "GET", "/server.json")
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" || strings.TrimSpace(body(t, r)) != `{ "api": "" }` {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
}
