// Package web is the page: hand over a ZIP and commands, watch them run. It is
// written in TypeScript (src/) and built by `npm run build` into dist/, which is
// committed and embedded here, so that the product is built without Node.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed dist
var dist embed.FS

const (
	indexPath = "/index.html"
	assetsDir = "/assets/" // Vite puts a hash of the content into each name below it

	cacheForever = "public, max-age=31536000, immutable"
	cacheChecked = "no-cache" // kept, but asked for each time
)

// contentSecurityPolicy lets the page load its own files and call its own origin, and
// that of the objects where it is another: nothing else. The page has no inline script
// or style and sets no HTML from text.
func contentSecurityPolicy(objects string) string {
	connect := strings.TrimSpace("'self' " + objects)
	return "default-src 'self'; connect-src " + connect + "; object-src 'none'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
}

var securityHeaders = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY", // for browsers that don't know frame-ancestors
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

// contentTypes are those of the files there are. The mime package would ask the
// machine, which may say anything.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".json": "application/json",
}

type file struct {
	name  string
	body  []byte
	etag  string
	kind  string
	cache string
	// zipped returns the body with gzip, which is done when it is first asked for.
	zipped func() []byte
}

// Handler serves the page at / and its assets at /assets/…. Any other path is
// answered 404, any method but GET and HEAD 405, in plain text: routes of the
// API are not for it to see. It panics if the embedded build is not a whole one.
// objects is the origin of presigned requests, "https://s3.example"; empty: the page's.
func Handler(objects string) http.Handler {
	files, err := load(dist, "dist")
	if err != nil {
		panic(err)
	}
	return handler(files, objects)
}

func handler(files map[string]*file, objects string) http.Handler {
	policy := contentSecurityPolicy(objects)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		for name, value := range securityHeaders {
			h.Set(name, value)
		}
		f := files[r.URL.Path]
		switch {
		case f == nil:
			h.Set("Cache-Control", "no-store")
			http.Error(w, "there is no such page", http.StatusNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "the page is only read", http.StatusMethodNotAllowed)
		default:
			f.serve(w, r)
		}
	})
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", f.cache)
	h.Set("Vary", "Accept-Encoding")
	body, etag := f.body, f.etag
	if acceptsGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body, etag = f.zipped(), strings.TrimSuffix(f.etag, `"`)+`-gzip"`
	}
	h.Set("ETag", etag)
	http.ServeContent(w, r, f.name, time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether gzip is among the encodings that a client names.
// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
func acceptsGzip(headers []string) bool {
	for encoding := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, params, _ := strings.Cut(encoding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		weight := strings.Trim(strings.TrimSpace(params), "qQ=")
		return weight == "" || strings.Trim(weight, "0.") != ""
	}
	return false
}

func gzipped(body []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // fails for another level only
	_, _ = w.Write(body)                                  // a Buffer takes all
	_ = w.Close()
	return b.Bytes()
}

// load reads a build: files by the path that they are asked for.
func load(fsys fs.FS, root string) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		at := strings.TrimPrefix(name, root)
		kind, served := contentTypes[path.Ext(name)]
		if served {
			files[at] = newFile(at, kind, body)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the page's build: %w", err)
	}
	index := files[indexPath]
	if index == nil {
		return nil, fmt.Errorf("the page's build has no %s: run `npm run build` in web", indexPath)
	}
	delete(files, indexPath)
	files["/"] = index
	return files, nil
}

func newFile(at, kind string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{name: path.Base(at), body: body, kind: kind, cache: cacheChecked, etag: `"` + hex.EncodeToString(sum[:16]) + `"`}
	f.zipped = sync.OnceValue(func() []byte { return gzipped(body) })
	if strings.HasPrefix(at, assetsDir) {
		f.cache = cacheForever
	}
	return f
}
