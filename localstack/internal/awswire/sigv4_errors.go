// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html

package awswire

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// errorTime is the format of times in the fields of an error.
const errorTime = "2006-01-02T15:04:05Z"

// A dialect selects the errors of a family of services.
type dialect int

const (
	dialectS3     dialect = iota
	dialectDynamo         // JSON, every refusal a 400
	dialectJSON           // JSON with 403: SQS, Lambda
	dialectQuery          // the older query protocol: codes without "Exception"
)

// dialectOf returns the dialect of a request's service: by the scope of its signature
// or, without one, by its protocol.
func dialectOf(r *http.Request) dialect {
	target := r.Header.Get("X-Amz-Target")
	_, service, _ := Scope(r)
	switch {
	case service == "s3":
		return dialectS3
	case service == "dynamodb", strings.HasPrefix(target, "DynamoDB"):
		return dialectDynamo
	case target != "":
		return dialectJSON
	case IsQuery(r):
		return dialectQuery
	case service != "":
		return dialectJSON
	default:
		return dialectS3
	}
}

// refuse returns an error of a service other than S3, with the code of the protocol.
func (d dialect) refuse(jsonCode, queryCode, message string) *Error {
	switch d {
	case dialectDynamo:
		return Errorf(http.StatusBadRequest, jsonCode, "%s", message)
	case dialectQuery:
		return Errorf(http.StatusForbidden, queryCode, "%s", message)
	default:
		return Errorf(http.StatusForbidden, jsonCode, "%s", message)
	}
}

func (d dialect) noSignature(auth string) *Error {
	switch {
	case d == dialectS3 && auth != "":
		return Errorf(http.StatusBadRequest, "InvalidArgument", "Unsupported Authorization Type")
	case d == dialectS3:
		return Errorf(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	return d.refuse("MissingAuthenticationTokenException", "MissingAuthenticationToken", "Request is missing Authentication Token")
}

func (d dialect) twoSignatures() *Error {
	if d == dialectS3 {
		return Errorf(http.StatusBadRequest, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified")
	}
	return d.refuse("InvalidSignatureException", "SignatureDoesNotMatch",
		"Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
}

func (d dialect) incompleteHeader(alg string, missing []string, noDate bool) *Error {
	if d == dialectS3 {
		if len(missing) == 0 {
			return d.badDate()
		}
		return d.malformedHeader("Missing " + strings.Join(missing, ", "))
	}
	var b strings.Builder
	for _, name := range missing {
		b.WriteString("Authorization header requires '" + name + "' parameter. ")
	}
	if noDate {
		b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	b.WriteString("Authorization=" + alg)
	return d.refuse("IncompleteSignatureException", "IncompleteSignature", b.String())
}

func (d dialect) malformedHeader(problem string) *Error {
	if d == dialectS3 {
		return Errorf(http.StatusBadRequest, "AuthorizationHeaderMalformed", "The authorization header is malformed; %s", problem)
	}
	return d.refuse("IncompleteSignatureException", "IncompleteSignature", problem)
}

func (d dialect) incompleteQuery(missing []string) *Error {
	if d == dialectS3 {
		return d.malformedQuery("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
	}
	var b strings.Builder
	for _, name := range missing {
		b.WriteString("AWS query-string parameters must include '" + name + "'. ")
	}
	b.WriteString("Re-examine the query-string parameters.")
	return d.refuse("IncompleteSignatureException", "IncompleteSignature", b.String())
}

func (d dialect) malformedQuery(problem string) *Error {
	if d == dialectS3 {
		return Errorf(http.StatusBadRequest, "AuthorizationQueryParametersError", "%s", problem)
	}
	return d.refuse("IncompleteSignatureException", "IncompleteSignature", problem)
}

// wrongService is the error for a signature whose scope names another service than
// the protocol is of. Without this check, the holder of a presigned S3 URL, whose
// body isn't signed, could use it for a call of another service.
func (d dialect) wrongService(service string) *Error {
	if d == dialectS3 {
		return d.malformedHeader("incorrect service \"" + service + "\". This endpoint belongs to \"s3\".")
	}
	return d.refuse("InvalidSignatureException", "SignatureDoesNotMatch", "Credential should be scoped to correct service.")
}

func (d dialect) badDate() *Error {
	if d == dialectS3 {
		return Errorf(http.StatusForbidden, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
	}
	return d.refuse("IncompleteSignatureException", "IncompleteSignature", "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601")
}

func (d dialect) notYetValid(sig *signature, now time.Time) *Error {
	if d == dialectS3 {
		if sig.presigned {
			return Errorf(http.StatusForbidden, "AccessDenied", "Request is not valid yet")
		}
		return tooSkewed(sig, now)
	}
	limit := now.Add(maxSkew).UTC().Format(timeFormat)
	return d.refuse("InvalidSignatureException", "SignatureDoesNotMatch",
		"Signature not yet current: "+sig.date+" is still later than "+limit+" ("+now.UTC().Format(timeFormat)+" + 15 min.)")
}

func (d dialect) expired(sig *signature, now time.Time) *Error {
	if d == dialectS3 {
		if !sig.presigned {
			return tooSkewed(sig, now)
		}
		e := Errorf(http.StatusForbidden, "AccessDenied", "Request has expired")
		e.Fields = map[string]any{
			"X-Amz-Expires": int64(sig.expires / time.Second),
			"Expires":       sig.time.Add(sig.expires).UTC().Format(errorTime),
			"ServerTime":    now.UTC().Format(errorTime),
		}
		return e
	}
	limit := now.Add(-maxSkew).UTC().Format(timeFormat)
	return d.refuse("InvalidSignatureException", "SignatureDoesNotMatch",
		"Signature expired: "+sig.date+" is now earlier than "+limit+" ("+now.UTC().Format(timeFormat)+" - 15 min.)")
}

func tooSkewed(sig *signature, now time.Time) *Error {
	e := Errorf(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	e.Fields = map[string]any{
		"RequestTime":                sig.date,
		"ServerTime":                 now.UTC().Format(errorTime),
		"MaxAllowedSkewMilliseconds": maxSkew.Milliseconds(),
	}
	return e
}

func (d dialect) headersNotSigned(names []string) *Error {
	slices.Sort(names)
	if d == dialectS3 {
		e := Errorf(http.StatusForbidden, "AccessDenied", "There were headers present in the request which were not signed")
		e.Fields = map[string]any{"HeadersNotSigned": strings.Join(names, ", ")}
		return e
	}
	return d.refuse("InvalidSignatureException", "SignatureDoesNotMatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
}

func (d dialect) unknownKey(accessKeyID string) *Error {
	if d == dialectS3 {
		e := Errorf(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
		e.Fields = map[string]any{"AWSAccessKeyId": accessKeyID}
		return e
	}
	return d.refuse("UnrecognizedClientException", "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// mismatch is the error for a wrong signature. As on AWS it has the expected string
// to sign, which is no secret, for the client to compare.
func (d dialect) mismatch(sig *signature, canonical, toSign string) *Error {
	if d == dialectS3 {
		e := Errorf(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
		e.Fields = map[string]any{
			"AWSAccessKeyId": sig.accessKeyID, "SignatureProvided": sig.signature,
			"StringToSign": toSign, "StringToSignBytes": fmt.Sprintf("% x", toSign),
		}
		if canonical != "" {
			e.Fields["CanonicalRequest"], e.Fields["CanonicalRequestBytes"] = canonical, fmt.Sprintf("% x", canonical)
		}
		return e
	}
	return d.refuse("InvalidSignatureException", "SignatureDoesNotMatch",
		"The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}
