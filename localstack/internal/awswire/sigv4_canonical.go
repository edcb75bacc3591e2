package awswire

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The canonical form is built here rather than by signing a rebuilt request
// with the SDK's signer: that one chooses by itself which headers it signs (it
// drops User-Agent, adds Content-Length), while a server must follow the list
// in the request.
// Source: "Create a signed AWS API request", IAM User Guide.

// appendCanonical appends the text under r's signature to b; ok is false if a
// header that should be under it isn't in the request.
func appendCanonical(b []byte, r *http.Request, sig *signature, payloadHash string) (text []byte, ok bool) {
	b = append(append(b, r.Method...), '\n')
	b = append(appendPath(b, r, sig.service), '\n')
	b = append(appendQuery(b, r.URL.RawQuery), '\n')
	ok = true
	for _, name := range sig.signedHeaders {
		b = append(append(b, name...), ':')
		var has bool
		b, has = appendHeader(b, r, name)
		ok = ok && has
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range sig.signedHeaders {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payloadHash...), ok
}

// appendPath appends the path, escaped once for S3, twice for the others.
func appendPath(b []byte, r *http.Request, service string) []byte {
	path := r.URL.Path
	if service != "s3" && path != "/" {
		path = r.URL.EscapedPath()
	}
	if path == "" {
		path = "/"
	}
	return appendEncoded(b, path, true)
}

// appendQuery re-encodes the query without its signature, sorted by encoded
// name and then value.
func appendQuery(b []byte, raw string) []byte {
	if raw == "" {
		return b
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
			params = append(params, param{uriEncode(name), uriEncode(value)})
		}
	}
	slices.SortFunc(params, func(a, b param) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	for i, p := range params {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, p.name...), '='), p.value...)
	}
	return b
}

// appendHeader appends a header's values by its lower-case name, separated by
// commas, those included that net/http keeps outside of the header map.
func appendHeader(b []byte, r *http.Request, name string) (_ []byte, ok bool) {
	if name == "host" {
		return appendSqueezed(b, r.Host), true
	}
	values := r.Header[headerName(name)]
	switch {
	case len(values) > 0:
	case name == "content-length" && (r.ContentLength > 0 || r.ContentLength == 0 && (r.Body == nil || r.Body == http.NoBody)):
		return strconv.AppendInt(b, r.ContentLength, 10), true
	case name == "transfer-encoding":
		values = r.TransferEncoding
	}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSqueezed(b, v)
	}
	return b, len(values) > 0
}

// appendSqueezed appends a header's value with each run of white space as one
// space, and none at the ends.
func appendSqueezed(b []byte, v string) []byte {
	if isSqueezed(v) {
		return append(b, v...)
	}
	first := true
	for field := range strings.FieldsSeq(v) {
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = append(b, field...)
	}
	return b
}

// isSqueezed reports whether v surely has nothing to squeeze.
func isSqueezed(v string) bool {
	before := byte(' ')
	for i := range len(v) {
		c := v[i]
		if c < ' ' || c >= utf8.RuneSelf || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return before != ' ' || v == ""
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

// uriEncode escapes all bytes but RFC 3986's unreserved ones.
func uriEncode(s string) string { return string(appendEncoded(make([]byte, 0, len(s)), s, false)) }

// appendEncoded appends s, escaped as uriEncode does, but for '/' if keepSlash.
func appendEncoded(b []byte, s string, keepSlash bool) []byte {
	const hexDigits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == '/' && keepSlash:
			b = append(b, c)
		default:
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return b
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

// appendToSign appends the string to sign of a request with that canonical form.
func appendToSign(b []byte, sig *signature, canonical []byte) []byte {
	sum := sha256.Sum256(canonical)
	b = append(append(append(b, algorithm...), '\n'), sig.date...)
	b = append(sig.appendScope(append(b, '\n')), '\n')
	return hex.AppendEncode(b, sum[:])
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
