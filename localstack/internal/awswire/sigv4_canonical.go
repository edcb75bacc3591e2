package awswire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// The canonical form is built here rather than by signing a rebuilt request
// with the SDK's signer: that one chooses by itself which headers it signs (it
// drops User-Agent, adds Content-Length), while a server must follow the list
// in the request.
// Source: "Create a signed AWS API request", IAM User Guide.

// canonicalRequest is the text under r's signature; ok is false if a header
// that should be under it isn't in the request.
func canonicalRequest(r *http.Request, sig *signature, payloadHash string) (text string, ok bool) {
	var b strings.Builder
	b.Grow(1024)
	b.WriteString(r.Method)
	b.WriteByte('\n')
	b.WriteString(canonicalPath(r, sig.service))
	b.WriteByte('\n')
	b.WriteString(canonicalQuery(r.URL.RawQuery))
	b.WriteByte('\n')
	ok = true
	for _, name := range sig.signedHeaders {
		values := headerValues(r, name)
		ok = ok && len(values) > 0
		b.WriteString(name)
		b.WriteByte(':')
		for i, v := range values {
			if i > 0 {
				b.WriteByte(',')
			}
			writeSqueezed(&b, v)
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	for i, name := range sig.signedHeaders {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(name)
	}
	b.WriteByte('\n')
	b.WriteString(payloadHash)
	return b.String(), ok
}

// writeSqueezed writes a header's value with each run of white space as one
// space, and none at the ends.
func writeSqueezed(b *strings.Builder, v string) {
	first := true
	for field := range strings.FieldsSeq(v) {
		if !first {
			b.WriteByte(' ')
		}
		first = false
		b.WriteString(field)
	}
}

// canonicalPath is the path, escaped once for S3, twice for the others.
func canonicalPath(r *http.Request, service string) string {
	path := r.URL.Path
	if service != "s3" {
		path = r.URL.EscapedPath()
	}
	if path == "" {
		return "/"
	}
	return uriEncode(path, true)
}

// canonicalQuery re-encodes the query without its signature, sorted by encoded
// name and then value.
func canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	type param struct{ name, value string }
	var params []param
	for p := range strings.SplitSeq(raw, "&") {
		if p == "" {
			continue
		}
		name, value, _ := strings.Cut(p, "=")
		name, value = queryUnescape(name), queryUnescape(value)
		if name != "X-Amz-Signature" {
			params = append(params, param{uriEncode(name, false), uriEncode(value, false)})
		}
	}
	slices.SortFunc(params, func(a, b param) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	var b strings.Builder
	for i, p := range params {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name + "=" + p.value)
	}
	return b.String()
}

// headerValues are the values of a header by its lower-case name, those
// included that net/http keeps outside of the header map.
func headerValues(r *http.Request, name string) []string {
	if name == "host" {
		return []string{r.Host}
	}
	if v := r.Header[headerName(name)]; len(v) > 0 {
		return v
	}
	switch {
	case name == "content-length" && (r.ContentLength > 0 || r.ContentLength == 0 && (r.Body == nil || r.Body == http.NoBody)):
		return []string{strconv.FormatInt(r.ContentLength, 10)}
	case name == "transfer-encoding":
		return r.TransferEncoding
	}
	return nil
}

// sdkHeaders are the headers that SDKs sign, by their lower-case names: to look
// one up by that name costs an allocation.
var sdkHeaders = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"Accept-Encoding", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "Content-Length", "Content-Md5", "Content-Type",
		"X-Amz-Content-Sha256", "X-Amz-Date", "X-Amz-Target", "X-Amz-User-Agent", "X-Amzn-Query-Mode",
	} {
		m[strings.ToLower(name)] = name
	}
	return m
}()

// headerName is the key that a lower-case name has in an http.Header.
func headerName(lower string) string {
	if name, ok := sdkHeaders[lower]; ok {
		return name
	}
	return http.CanonicalHeaderKey(lower)
}

// uriEncode escapes all bytes but RFC 3986's unreserved ones, and '/' if keepSlash.
func uriEncode(s string, keepSlash bool) string {
	if s == "/" && keepSlash {
		return s
	}
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

// queryUnescape decodes %XX and '+'; what is no escape stays as it is, so that
// one bad parameter doesn't hide the others from the signature.
func queryUnescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b = append(b, ' ')
		case s[i] == '%' && i+2 < len(s):
			c, err := hex.DecodeString(s[i+1 : i+3])
			if err != nil {
				b = append(b, '%')
				continue
			}
			b = append(b, c[0])
			i += 2
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func stringToSign(date, scope, canonical string) string {
	return algorithm + "\n" + date + "\n" + scope + "\n" + sha256Hex(canonical)
}

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hexOf(&sum)
}

func hexOf(sum *[sha256.Size]byte) string {
	var b [2 * sha256.Size]byte
	hex.Encode(b[:], sum[:])
	return string(b[:])
}

func hmacSum(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

func hmacHex(key []byte, data string) string { return hex.EncodeToString(hmacSum(key, data)) }

// keyCache saves deriving the signing key, four HMACs, for each request. Only
// keys that have verified a signature get in, so no stranger can fill it.
type keyCache struct {
	mu   sync.RWMutex
	keys map[keyID][]byte
}

// keyID is what a signing key is derived from, beside the secret.
type keyID struct{ accessKeyID, day, region, service string }

const maxCachedKeys = 256

func (s *signature) keyID() keyID { return keyID{s.accessKeyID, s.day, s.region, s.service} }

func (c *keyCache) get(secret string, sig *signature) []byte {
	c.mu.RLock()
	key, ok := c.keys[sig.keyID()]
	c.mu.RUnlock()
	if ok {
		return key
	}
	key = hmacSum([]byte("AWS4"+secret), sig.day)
	key = hmacSum(key, sig.region)
	key = hmacSum(key, sig.service)
	return hmacSum(key, "aws4_request")
}

func (c *keyCache) put(sig *signature) {
	id := sig.keyID()
	c.mu.RLock()
	_, ok := c.keys[id]
	c.mu.RUnlock()
	if ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxCachedKeys {
		c.keys = map[keyID][]byte{}
	}
	// The parts of the ID are parts of headers: copied, they don't hold those.
	id = keyID{strings.Clone(id.accessKeyID), strings.Clone(id.day), strings.Clone(id.region), strings.Clone(id.service)}
	c.keys[id] = sig.key
}
