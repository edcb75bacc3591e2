// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html

package s3

import (
	"slices"
	"strings"
)

// CORSRule allows web pages of some origins to use a bucket.
type CORSRule struct {
	ID             string   `json:",omitempty"`
	AllowedOrigins []string // each with at most one *
	AllowedMethods []string // GET, PUT, HEAD, POST, DELETE
	AllowedHeaders []string `json:",omitempty"` // each with at most one *
	ExposeHeaders  []string `json:",omitempty"`
	MaxAgeSeconds  int      `json:",omitempty"`
}

// PutBucketCORS replaces a bucket's rules; none removes them. Errors: NoSuchBucket.
func (e *Engine) PutBucketCORS(bucket string, rules []CORSRule) error {
	return e.updateBucket(bucket, func(b *Bucket) { b.CORS = rules })
}

// AllowCORS returns the first rule that allows the method and, for a preflight
// request, the headers; nil if none does.
func (b *Bucket) AllowCORS(origin, method string, headers []string) *CORSRule {
	for i := range b.CORS {
		r := &b.CORS[i]
		if slices.Contains(r.AllowedMethods, method) && matchAny(r.AllowedOrigins, origin) && r.allowsHeaders(headers) {
			return r
		}
	}
	return nil
}

func (r *CORSRule) allowsHeaders(headers []string) bool {
	for _, h := range headers {
		if !matchAny(r.AllowedHeaders, h) {
			return false
		}
	}
	return true
}

// matchAny reports whether a pattern matches s, ignoring case.
func matchAny(patterns []string, s string) bool {
	s = strings.ToLower(s)
	return slices.ContainsFunc(patterns, func(p string) bool {
		head, tail, wild := strings.Cut(strings.ToLower(p), "*")
		if !wild {
			return head == s
		}
		return len(s) >= len(head)+len(tail) && strings.HasPrefix(s, head) && strings.HasSuffix(s, tail)
	})
}
