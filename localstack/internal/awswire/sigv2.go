// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html

package awswire

import (
	"crypto/hmac"
	"crypto/sha1" // Signature Version 2 is HMAC-SHA1
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// IsV2 reports whether a request is signed for S3 with Signature Version 2, in the
// Authorization header or presigned.
func IsV2(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "AWS ") || isPresignedV2(r)
}

func isPresignedV2(r *http.Request) bool {
	if !strings.Contains(r.URL.RawQuery, "Signature=") && !strings.Contains(r.URL.RawQuery, "AWSAccessKeyId=") {
		return false // nearly always
	}
	q := r.URL.Query()
	// With Action it is the query protocol, which has parameters of these names, too.
	return (q.Has("Signature") || q.Has("AWSAccessKeyId")) && !q.Has("Action")
}

// IsPresigned reports whether a request has its signature in the query.
func IsPresigned(r *http.Request) bool {
	return r.URL.RawQuery != "" && (r.URL.Query().Has("X-Amz-Signature") || isPresignedV2(r))
}

// verifyV2 checks the signature of a request for which IsV2 holds.
// Errors: AccessDenied, InvalidArgument, InvalidAccessKeyId, RequestTimeTooSkewed,
// SignatureDoesNotMatch.
func (v *Verifier) verifyV2(r *http.Request) (*signature, error) {
	sig, date, err := v.parseV2(r)
	if err != nil {
		return nil, err
	}
	secret, ok := v.secrets[sig.accessKeyID]
	if !ok {
		return nil, dialectS3.unknownKey(sig.accessKeyID)
	}
	if toSign := stringToSignV2(r, date, sig.presigned); !signedV2(secret, toSign, sig.signature) {
		return nil, dialectS3.mismatch(sig, "", toSign)
	}
	return sig, nil
}

// parseV2 returns a request's signature and the date in its string to sign.
func (v *Verifier) parseV2(r *http.Request) (sig *signature, date string, err error) {
	auth := r.Header.Get("Authorization")
	switch presigned := isPresignedV2(r); {
	case presigned && auth != "":
		return nil, "", dialectS3.twoSignatures()
	case presigned:
		return v.parseQueryV2(r.URL.Query())
	default:
		return v.parseHeaderV2(r, auth)
	}
}

// newSignatureV2 has the region where Version 2 is from: it names none.
func newSignatureV2(accessKeyID, value string, presigned bool) *signature {
	return &signature{accessKeyID: accessKeyID, signature: value, region: DefaultRegion, service: "s3", presigned: presigned, v2: true}
}

// parseHeaderV2 reads "AWS AccessKeyId:Signature".
func (v *Verifier) parseHeaderV2(r *http.Request, auth string) (sig *signature, date string, err error) {
	key, value, ok := strings.Cut(strings.TrimPrefix(auth, "AWS "), ":")
	if !ok || key == "" || value == "" {
		e := Errorf(http.StatusBadRequest, "InvalidArgument", "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature")
		e.Fields = map[string]any{"ArgumentName": "Authorization", "ArgumentValue": auth}
		return nil, "", e
	}
	sig = newSignatureV2(key, value, false)
	date = r.Header.Get("Date")
	stated := date
	if d := r.Header.Get("X-Amz-Date"); d != "" {
		stated, date = d, "" // it is among the x-amz- headers
	}
	if !sig.setDate(stated) {
		return nil, "", dialectS3.badDate()
	}
	if now := v.clock.Now(); sig.time.After(now.Add(maxSkew)) || now.After(sig.time.Add(maxSkew)) {
		return nil, "", tooSkewed(sig, now)
	}
	return sig, date, nil
}

func (v *Verifier) parseQueryV2(q url.Values) (sig *signature, date string, err error) {
	sig, date = newSignatureV2(q.Get("AWSAccessKeyId"), q.Get("Signature"), true), q.Get("Expires")
	if sig.accessKeyID == "" || sig.signature == "" || date == "" {
		return nil, "", Errorf(http.StatusForbidden, "AccessDenied", "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
	}
	seconds, err := strconv.ParseInt(date, 10, 64)
	if err != nil {
		return nil, "", Errorf(http.StatusForbidden, "AccessDenied", "Invalid date (should be seconds since epoch): %s", date)
	}
	if now, end := v.clock.Now(), time.Unix(seconds, 0); now.After(end) {
		e := Errorf(http.StatusForbidden, "AccessDenied", "Request has expired")
		e.Fields = map[string]any{"Expires": end.UTC().Format(errorTime), "ServerTime": now.UTC().Format(errorTime)}
		return nil, "", e
	}
	return sig, date, nil
}

// signedV2 reports whether signature is that of the text, in constant time.
func signedV2(secret, text, signature string) bool {
	h := hmac.New(sha1.New, []byte(secret))
	h.Write([]byte(text))
	return hmac.Equal([]byte(base64.StdEncoding.EncodeToString(h.Sum(nil))), []byte(signature))
}

func stringToSignV2(r *http.Request, date string, presigned bool) string {
	return r.Method + "\n" + r.Header.Get("Content-Md5") + "\n" + r.Header.Get("Content-Type") + "\n" + date + "\n" +
		amzHeadersV2(r, presigned) + resourceV2(r)
}

// amzHeadersV2 returns the x-amz- headers, a line each. Of a presigned request, the
// parameters of such names count as headers.
func amzHeadersV2(r *http.Request, presigned bool) string {
	values := map[string]string{}
	if presigned {
		for name, v := range r.URL.Query() {
			if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
				values[name] = strings.TrimSpace(strings.Join(v, ","))
			}
		}
	}
	for name, v := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			values[name] = strings.TrimSpace(strings.Join(v, ","))
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.WriteString(name + ":" + values[name] + "\n")
	}
	return b.String()
}

// resourceV2 returns /bucket and the path, as sent, and the signed parameters.
func resourceV2(r *http.Request) string {
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	if bucket := HostBucket(r.Host); bucket != "" {
		path = "/" + bucket + path
	}
	params := map[string]string{} // "name" or "name=value", by name
	for p := range strings.SplitSeq(r.URL.RawQuery, "&") {
		if name, value, _ := strings.Cut(p, "="); value == "" {
			params[name] = name
		} else {
			params[name] = name + "=" + queryUnescape(value)
		}
	}
	separator := "?"
	for _, name := range parametersV2 {
		if p, ok := params[name]; ok {
			path += separator + p
			separator = "&"
		}
	}
	return path
}

// parametersV2 are the query parameters that are part of the string to sign, in its
// order.
var parametersV2 = []string{
	"accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location", "logging",
	"metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
	"response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
	"response-content-type", "response-expires", "restore", "select", "select-type", "storageClass", "tagging", "torrent",
	"uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

// verifyPolicyV2 checks the signature of a POST policy of Version 2.
func (v *Verifier) verifyPolicyV2(f PolicyForm) (Identity, error) {
	for _, field := range []struct{ name, value string }{{"Policy", f.Policy}, {"AWSAccessKeyId", f.AccessKeyID}, {"Signature", f.SignatureV2}} {
		if field.value == "" {
			return Identity{}, missingPolicyField(field.name)
		}
	}
	sig := newSignatureV2(f.AccessKeyID, f.SignatureV2, true)
	secret, ok := v.secrets[sig.accessKeyID]
	if !ok {
		return Identity{}, dialectS3.unknownKey(sig.accessKeyID)
	}
	if !signedV2(secret, f.Policy, f.SignatureV2) {
		return Identity{}, dialectS3.mismatch(sig, "", f.Policy)
	}
	return sig.identity(), nil
}

// ErrSignatureV2 returns the error of S3 where it doesn't accept Signature Version 2.
func ErrSignatureV2() *Error {
	return Errorf(http.StatusBadRequest, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
}
