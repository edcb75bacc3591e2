// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

package awswire

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The canonical form is built here rather than by signing a rebuilt request with
// the SDK's signer, which chooses the headers to sign (it drops User-Agent and adds
// Content-Length): a server must use the list in the request.

// appendCanonical appends r's canonical request to b. ok is false if r lacks a
// signed header.
func appendCanonical(b []byte, r *http.Request, sig *signature, payloadHash string) (text []byte, ok bool) {
	b = append(append(b, r.Method...), '\n')
	b = append(appendPath(b, r, sig.service), '\n')
	b = append(appendQuery(b, r.URL.RawQuery), '\n')
	ok = true
	for _, name := range sig.signedHeaders {
		b = append(append(b, name...), ':')
		var has bool
		b, has = appendHeader(b, r, name, sig.presigned)
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

// appendHeader appends the values of a header, separated by commas, also of a header
// that net/http keeps outside of the map. A signed header of a presigned request may
// stand in the query.
func appendHeader(b []byte, r *http.Request, name string, presigned bool) (_ []byte, ok bool) {
	if name == "host" {
		return appendSqueezed(b, r.Host), true
	}
	values := headerValues(r.Header, name)
	switch {
	case len(values) > 0:
	case name == "content-length" && (r.ContentLength > 0 || r.ContentLength == 0 && (r.Body == nil || r.Body == http.NoBody)):
		return strconv.AppendInt(b, r.ContentLength, 10), true
	case name == "transfer-encoding":
		values = r.TransferEncoding
	case presigned:
		values = parameterValues(r, name)
	}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSqueezed(b, v)
	}
	return b, len(values) > 0
}

// parameterValues returns the query's values of a header.
func parameterValues(r *http.Request, lowerName string) []string {
	for name, values := range r.URL.Query() {
		if strings.ToLower(name) == lowerName {
			return values
		}
	}
	return nil
}

// headerValues is Header.Values without the allocation of a canonical name, for each
// signed header that is none of net/http's common ones.
func headerValues(h http.Header, name string) []string {
	var buf [64]byte
	canonical := append(buf[:0], name...)
	first := true
	for i, c := range canonical {
		switch {
		case first && 'a' <= c && c <= 'z':
			canonical[i] = c - ('a' - 'A')
		case !first && 'A' <= c && c <= 'Z':
			canonical[i] = c + ('a' - 'A')
		}
		first = c == '-'
	}
	return h[string(canonical)]
}

// appendSqueezed appends a header's value with each run of white space as one
// space, and none at the ends.
func appendSqueezed(b []byte, v string) []byte {
	if !strings.ContainsAny(v, "\t\n\v\f\r\u0085\u00a0") && !strings.Contains(v, "  ") {
		return append(b, strings.Trim(v, " ")...) // nearly all values
	}
	return append(b, strings.Join(strings.Fields(v), " ")...)
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

// queryUnescape decodes %XX and '+', and keeps invalid escapes, so that one bad
// parameter doesn't exclude the others from the signature.
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
	return hex.EncodeToString(sum[:])
}
