package errand

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Limits of caches.
const (
	MaxCaches        = 10  // of a job
	MaxCachePaths    = 20  // of a cache
	MaxCachePrefixes = 10  // of a cache
	MaxCacheKeyBytes = 200 // of a key with its templates replaced
	MaxCacheText     = 1000
	MaxCacheBytes    = 5 << 30 // of the files of a cache
)

// CacheKeyPattern matches keys with their templates replaced.
const CacheKeyPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`

var cacheKeyRE = compileLater(CacheKeyPattern)

// A Cache names files that a job leaves for later jobs with the same key.
type Cache struct {
	// Key is a text with templates: see ParseCacheKey. A cache that is kept under a key
	// never changes.
	Key string `json:"key"`
	// Paths are folders and files: relative to the job's folder or, with ~/, to its HOME.
	Paths []string `json:"paths"`
	// Prefixes are beginnings of keys, with templates, in the order in which they are tried
	// if there is none with the key. The newest cache is taken.
	Prefixes []string `json:"prefixes,omitempty"`
}

type cacheObject Cache

// UnmarshalJSON refuses members that don't exist.
func (c *Cache) UnmarshalJSON(b []byte) error {
	var o cacheObject
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return errors.New(`a cache is {"key": "go-{{ checksum \"go.sum\" }}", "paths": ["~/.cache/go-build"], "prefixes": ["go-"]}`)
	}
	*c = Cache(o)
	return nil
}

// Scope is the part of a cache's address that separates systems and lists of paths.
func (c *Cache) Scope(os, arch string) string {
	sum := sha256.New()
	for _, s := range append([]string{os, arch}, c.Paths...) {
		_, _ = fmt.Fprintf(sum, "%d %s\n", len(s), s) // a hash's writes don't fail
	}
	return hex.EncodeToString(sum.Sum(nil))[:20]
}

// CachePath splits a path of a cache.
func CachePath(p string) (rel string, isHome bool) {
	if rel, ok := strings.CutPrefix(p, "~/"); ok {
		return rel, true
	}
	return p, false
}

func validateCaches(all []Cache) error {
	if len(all) > MaxCaches {
		return InvalidField("cache", "cache has %d entries; the limit is %d", len(all), MaxCaches)
	}
	var seen []string
	for i := range all {
		field := fmt.Sprintf("cache[%d]", i)
		if err := all[i].validate(field, &seen); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cache) validate(field string, seen *[]string) error {
	if _, err := ParseCacheKey(c.Key); err != nil {
		return InvalidField(field+".key", "%s.key: %v", field, err)
	}
	if len(c.Prefixes) > MaxCachePrefixes {
		return InvalidField(field+".prefixes", "%s.prefixes has %d entries; the limit is %d", field, len(c.Prefixes), MaxCachePrefixes)
	}
	for i, p := range c.Prefixes {
		if _, err := ParseCacheKey(p); err != nil {
			at := fmt.Sprintf("%s.prefixes[%d]", field, i)
			return InvalidField(at, "%s: %v", at, err)
		}
	}
	if len(c.Paths) == 0 || len(c.Paths) > MaxCachePaths {
		return InvalidField(field+".paths", "%s.paths must have 1 to %d entries, not %d", field, MaxCachePaths, len(c.Paths))
	}
	for i, p := range c.Paths {
		if err := checkCachePath(p, *seen); err != nil {
			at := fmt.Sprintf("%s.paths[%d]", field, i)
			return InvalidField(at, "%s: %v", at, err)
		}
		*seen = append(*seen, p)
	}
	return nil
}

func checkCachePath(p string, others []string) error {
	rel, _ := CachePath(p)
	switch {
	case len(p) > MaxArtifactPathBytes:
		return fmt.Errorf("the path has %d bytes; the limit is %d", len(p), MaxArtifactPathBytes)
	case !fs.ValidPath(rel) || rel == "." || strings.ContainsAny(p, "\x00\\") || strings.HasPrefix(rel, "~"):
		return fmt.Errorf("%q must be a path below the job's folder, like node_modules, or below its HOME, like ~/.cache/go-build", p)
	case strings.Count(rel, "/") >= MaxArtifactDepth:
		return fmt.Errorf("the path has more than %d elements", MaxArtifactDepth)
	}
	for _, o := range others {
		if strings.HasPrefix(p+"/", o+"/") || strings.HasPrefix(o+"/", p+"/") {
			return fmt.Errorf("%q and %q overlap", o, p)
		}
	}
	return nil
}

// A CacheKey is a text with templates.
type CacheKey struct {
	parts []cacheKeyPart
}

type cacheKeyPart struct {
	text  string
	files []string // of a checksum; nil: the text
}

// ParseCacheKey parses a text of letters, digits, and . _ -, with templates:
//
//	{{ checksum "go.sum" "go.work.sum" }}
//
// is the SHA-256 of files, in hexadecimal digits. Their paths are relative to the job's
// folder.
func ParseCacheKey(s string) (CacheKey, error) {
	if s == "" || len(s) > MaxCacheText {
		return CacheKey{}, fmt.Errorf("it must have 1 to %d bytes, not %d", MaxCacheText, len(s))
	}
	var k CacheKey
	for rest := s; rest != ""; {
		text, after, isTemplate := strings.Cut(rest, "{{")
		if text != "" {
			k.parts = append(k.parts, cacheKeyPart{text: text})
		}
		if !isTemplate {
			break
		}
		inner, next, ok := cutTemplate(after)
		if !ok {
			return CacheKey{}, errors.New(`a template has no end: write {{ checksum "go.sum" }}`)
		}
		files, err := parseChecksum(inner)
		if err != nil {
			return CacheKey{}, err
		}
		k.parts = append(k.parts, cacheKeyPart{files: files})
		rest = next
	}
	example := ""
	for _, p := range k.parts {
		example += p.text
		if p.files != nil {
			example += strings.Repeat("0", sha256.Size*2)
		}
	}
	if !cacheKeyRE.MatchString(example) {
		return CacheKey{}, fmt.Errorf("it must consist of letters, digits, dots, underscores, hyphens and templates, begin with a letter or a digit, and have at most %d bytes, 64 of them for each template", MaxCacheKeyBytes)
	}
	return k, nil
}

// cutTemplate cuts a template behind its end, which is outside of quotes.
func cutTemplate(s string) (inner, rest string, ok bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(s[i:], "}}"):
			return s[:i], s[i+2:], true
		}
	}
	return "", "", false
}

func parseChecksum(s string) (files []string, err error) {
	bad := fmt.Errorf(`the template {{%s}} is unknown; there is {{ checksum "go.sum" }}, with one file or more`, s)
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), "checksum")
	if !ok {
		return nil, bad
	}
	for {
		trimmed := strings.TrimLeft(rest, " \t")
		if trimmed == "" {
			break
		}
		quoted, err := strconv.QuotedPrefix(trimmed)
		if err != nil || trimmed == rest || quoted[0] != '"' {
			return nil, bad
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, bad
		}
		if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\x00\\") {
			return nil, fmt.Errorf("checksum: %q must be the path of a file in the job's folder", name)
		}
		files, rest = append(files, name), trimmed[len(quoted):]
	}
	if len(files) == 0 {
		return nil, bad
	}
	return files, nil
}

// Expand returns the text with the templates' values. sum returns the SHA-256 of a file of
// the job's folder. Errors: sum's.
func (k *CacheKey) Expand(sum func(file string) ([sha256.Size]byte, error)) (string, error) {
	var b strings.Builder
	for _, p := range k.parts {
		b.WriteString(p.text)
		if p.files == nil {
			continue
		}
		var all []byte
		for _, f := range p.files {
			s, err := sum(f)
			if err != nil {
				return "", err
			}
			all = append(all, s[:]...)
		}
		if len(p.files) > 1 {
			s := sha256.Sum256(all)
			all = s[:]
		}
		b.WriteString(hex.EncodeToString(all))
	}
	return b.String(), nil
}

// Static is what the text begins with before its first template.
func (k *CacheKey) Static() string {
	if len(k.parts) == 0 || k.parts[0].files != nil {
		return ""
	}
	return k.parts[0].text
}

// IsStatic reports whether the text has no template.
func (k *CacheKey) IsStatic() bool { return len(k.parts) == 1 && k.parts[0].files == nil }

// SetDefaultPrefix makes the text before the key's first template the prefix of a cache
// that names none.
func (c *Cache) SetDefaultPrefix() {
	k, err := ParseCacheKey(c.Key)
	if err == nil && c.Prefixes == nil && k.Static() != "" && !k.IsStatic() {
		c.Prefixes = []string{k.Static()}
	}
}

// A CacheQuestion is about a cache of a job: where it is or, with Uploads, how to keep it.
type CacheQuestion struct {
	Cache    int      `json:"cache"` // its number among the job's caches, from 0
	Key      string   `json:"key"`   // with its templates replaced
	Prefixes []string `json:"prefixes,omitempty"`
	// Uploads are the packs of a cache that is to be kept, the root of their manifest last.
	Uploads []Content `json:"uploads,omitempty"`
}

// Validate checks q. The error is an *Error with CodeInvalidField.
func (q *CacheQuestion) Validate() error {
	if !cacheKeyRE.MatchString(q.Key) {
		return InvalidField("key", "key must match %s", CacheKeyPattern)
	}
	if len(q.Prefixes) > MaxCachePrefixes {
		return InvalidField("prefixes", "prefixes has %d entries; the limit is %d", len(q.Prefixes), MaxCachePrefixes)
	}
	for i, p := range q.Prefixes {
		if !cacheKeyRE.MatchString(p) {
			return InvalidField(fmt.Sprintf("prefixes[%d]", i), "a prefix must match %s", CacheKeyPattern)
		}
	}
	if len(q.Uploads) > MaxPacks+1 {
		return InvalidField("uploads", "uploads has %d entries; the limit is %d", len(q.Uploads), MaxPacks+1)
	}
	left := int64(MaxCacheBytes)
	for i, u := range q.Uploads {
		if err := u.validate(fmt.Sprintf("uploads[%d]", i), left); err != nil {
			return err
		}
		left -= u.Size
	}
	return nil
}

// A CacheAnswer is the answer to a CacheQuestion.
type CacheAnswer struct {
	// Found is a cache with the key, or with a prefix. With Uploads, it means that there is
	// a cache with the key already.
	Found *CacheGrant `json:"found,omitempty"`
	// Puts are how to send the Uploads, in this order.
	Puts []SignedRequest `json:"puts,omitempty"`
}

// A CacheGrant lets a worker fetch a cache.
type CacheGrant struct {
	Key    string       `json:"key"`
	Source *SourceGrant `json:"source,omitempty"` // a manifest
}

// CachePrefix is where the caches of an owner's jobs in a queue are, for the same paths on
// the same system.
func CachePrefix(owner, queue, scope string) string {
	return "caches/" + owner + "/" + queue + "/" + scope + "/"
}

// CacheRootPrefix is where the roots of the caches under a prefix are whose keys begin with
// key.
func CacheRootPrefix(prefix, key string) string { return prefix + "roots/" + key }

// CachePackPrefix is where the other packs of the cache with the root are.
func CachePackPrefix(prefix, key, root string) string {
	return prefix + "packs/" + key + "/" + root + "/"
}
