// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html

package awswire

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
)

// signature is a request's signature and what it was made with.
type signature struct {
	accessKeyID   string
	day           string // of the credential scope, YYYYMMDD
	region        string
	service       string
	signedHeaders []string // lower case, in the order given
	signature     string   // lower-case hex
	date          string   // as it stands in the string to sign
	time          time.Time
	presigned     bool
	v2            bool          // Signature Version 2, without day, headers and expires
	expires       time.Duration // of a presigned request; -1: none given

	key *signingKey // once verified
}

func (s *signature) scope() string { return string(s.appendScope(nil)) }

func (s *signature) appendScope(b []byte) []byte {
	b = append(append(b, s.day...), '/')
	b = append(append(b, s.region...), '/')
	return append(append(b, s.service...), "/aws4_request"...)
}

func (s *signature) signs(lowerName string) bool {
	return slices.Contains(s.signedHeaders, lowerName)
}

func (s *signature) identity() Identity {
	return Identity{AccessKeyID: s.accessKeyID, Region: s.region, Service: s.service, Presigned: s.presigned, V2: s.v2}
}

// queryGet returns the first value of a query parameter.
func queryGet(r *http.Request, name string) string { return r.URL.Query().Get(name) }

// parseSignature reads the Authorization header or the X-Amz-* query parameters.
func parseSignature(r *http.Request, d dialect) (*signature, error) {
	auth := r.Header.Get("Authorization")
	var query url.Values // none, mostly
	if r.URL.RawQuery != "" {
		query = r.URL.Query()
	}
	inQuery := query.Has("X-Amz-Algorithm")
	switch {
	case auth != "" && inQuery:
		return nil, d.twoSignatures()
	case inQuery, d == dialectS3 && auth == "" && query.Has("X-Amz-Signature"):
		return parseQuery(query, d)
	case strings.HasPrefix(strings.TrimSpace(auth), "AWS4-"):
		return parseHeader(r, strings.TrimSpace(auth), d)
	default:
		return nil, d.noSignature(auth)
	}
}

// parseHeader reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…".
func parseHeader(r *http.Request, auth string, d dialect) (*signature, error) {
	alg, rest, _ := strings.Cut(auth, " ")
	var credential, signed, value string
	for rest != "" {
		var p string
		p, rest = cutPart(rest)
		switch k, v, _ := strings.Cut(p, "="); k {
		case "Credential":
			credential = v
		case "SignedHeaders":
			signed = v
		case "Signature":
			value = v
		}
	}
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		date = r.Header.Get("Date")
	}
	if credential == "" || value == "" || signed == "" || date == "" {
		params := map[string]string{"Credential": credential, "Signature": value, "SignedHeaders": signed}
		return nil, d.incompleteHeader(alg, absent(params, "Credential", "Signature", "SignedHeaders"), date == "")
	}
	if alg != algorithm {
		return nil, d.malformedHeader("Unsupported AWS 'algorithm': '" + alg + "'.")
	}
	sig := &signature{signature: value}
	sig.signedHeaders = strings.Split(signed, ";")
	if problem := sig.setCredential(credential); problem != "" {
		return nil, d.malformedHeader(problem)
	}
	if !sig.setDate(date) {
		return nil, d.badDate()
	}
	if !strings.HasPrefix(sig.date, sig.day) {
		return nil, d.malformedHeader("Invalid credential date " + strconv.Quote(sig.day) + ". This date is not the same as X-Amz-Date: " + strconv.Quote(sig.date[:8]) + ".")
	}
	return sig, nil
}

// cutPart cuts at the first comma or space.
func cutPart(s string) (part, rest string) {
	for i := range len(s) {
		if s[i] == ',' || s[i] == ' ' {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// parseQuery reads the parameters of a presigned request.
func parseQuery(query url.Values, d dialect) (*signature, error) {
	params := map[string]string{}
	for k := range query {
		params[k] = query.Get(k)
	}
	names := []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"}
	if d == dialectS3 {
		names = append(names, "X-Amz-Expires")
	}
	if missing := absent(params, names...); len(missing) > 0 {
		return nil, d.incompleteQuery(missing)
	}
	if params["X-Amz-Algorithm"] != algorithm {
		return nil, d.malformedQuery(`X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`)
	}
	sig := &signature{presigned: true, signature: params["X-Amz-Signature"]}
	sig.signedHeaders = strings.Split(params["X-Amz-SignedHeaders"], ";")
	if problem := sig.setCredential(params["X-Amz-Credential"]); problem != "" {
		return nil, d.malformedQuery("Error parsing the X-Amz-Credential parameter; " + problem)
	}
	if _, err := time.Parse(timeFormat, params["X-Amz-Date"]); err != nil {
		return nil, d.malformedQuery(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	sig.setDate(params["X-Amz-Date"])
	if !strings.HasPrefix(sig.date, sig.day) {
		return nil, d.malformedQuery("Invalid credential date " + strconv.Quote(sig.day) + ". This date is not the same as X-Amz-Date: " + strconv.Quote(sig.date[:8]) + ".")
	}
	if problem := sig.setExpires(params["X-Amz-Expires"]); problem != "" {
		return nil, d.malformedQuery(problem)
	}
	return sig, nil
}

// setCredential parses KEY/YYYYMMDD/region/service/aws4_request. problem is "" if it
// is valid.
func (s *signature) setCredential(credential string) (problem string) {
	c, ok := parseCredential(credential)
	if !ok {
		return `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`
	}
	s.accessKeyID, s.day, s.region, s.service = c.accessKeyID, c.day, c.region, c.service
	if c.terminal != "aws4_request" {
		return "incorrect terminal " + strconv.Quote(c.terminal) + `. This endpoint uses "aws4_request".`
	}
	if len(s.day) != len("20060102") {
		return "incorrect date format " + strconv.Quote(s.day) + `. This date in the credential must be in the format "yyyyMMdd".`
	}
	return ""
}

// setDate takes an X-Amz-Date (ISO 8601, basic) or a Date header.
func (s *signature) setDate(value string) bool {
	t, err := time.Parse(timeFormat, value)
	if err == nil && len(value) == len(timeFormat) {
		s.time, s.date = t, value
		return true
	}
	for _, format := range []string{http.TimeFormat, time.RFC1123Z, time.RFC850, time.ANSIC} {
		if err != nil {
			t, err = time.Parse(format, value)
		}
	}
	if err != nil {
		return false
	}
	s.time, s.date = t, t.UTC().Format(timeFormat)
	return true
}

func (s *signature) setExpires(value string) (problem string) {
	if value == "" {
		s.expires = -1
		return ""
	}
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		return "X-Amz-Expires should be a number"
	case n < 0:
		return "X-Amz-Expires must be non-negative"
	case n > int64(maxPresignExpires/time.Second):
		return "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
	}
	s.expires = time.Duration(n) * time.Second
	return ""
}

// absent returns the names that params lacks.
func absent(params map[string]string, names ...string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return params[n] != "" })
}
