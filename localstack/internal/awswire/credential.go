package awswire

import (
	"net/http"
	"strings"
)

// A credential is the access key and scope of a signature:
// KEY/YYYYMMDD/region/service/aws4_request.
type credential struct{ accessKeyID, day, region, service, terminal string }

// parseCredential parses from the end, since an access key may contain slashes.
func parseCredential(text string) (c credential, ok bool) {
	for _, part := range []*string{&c.terminal, &c.service, &c.region, &c.day} {
		i := strings.LastIndexByte(text, '/')
		if i < 0 {
			return credential{}, false
		}
		*part, text = text[i+1:], text[:i]
	}
	c.accessKeyID = text
	return c, true
}

// Scope returns the scope of a request's signature, without verifying it. ok is false
// if there is no signature. Signature Version 2, which only S3 accepts, has no region.
func Scope(r *http.Request) (region, service string, ok bool) {
	if IsV2(r) {
		return "", "s3", true
	}
	_, text, found := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !found && r.URL.RawQuery != "" {
		text = queryGet(r, "X-Amz-Credential")
	}
	text, _, _ = strings.Cut(text, ",")
	c, ok := parseCredential(strings.TrimSpace(text))
	return c.region, c.service, ok
}
