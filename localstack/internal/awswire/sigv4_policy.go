// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html

package awswire

import "net/http"

// PolicyForm are the fields of a browser upload that carry its signature.
type PolicyForm struct {
	Policy     string // base64, as sent: it is the string to sign
	Algorithm  string // x-amz-algorithm
	Credential string // x-amz-credential
	Date       string // x-amz-date
	Signature  string // x-amz-signature
	// Of Signature Version 2:
	AccessKeyID string // AWSAccessKeyId
	SignatureV2 string // signature
}

// IsV2 reports whether the form is signed with Signature Version 2.
func (f PolicyForm) IsV2() bool { return f.AccessKeyID != "" || f.SignatureV2 != "" }

// VerifyPolicy checks the signature of an S3 POST policy. The caller must check the
// policy's conditions and expiration.
// Errors: AccessDenied, InvalidArgument, InvalidRequest, InvalidAccessKeyId,
// SignatureDoesNotMatch.
func (v *Verifier) VerifyPolicy(f PolicyForm) (Identity, error) {
	switch {
	case f.IsV2():
		return v.verifyPolicyV2(f)
	case f.Policy == "" && f.Signature == "", f.Algorithm == "" && f.Credential == "" && f.Signature == "":
		return Identity{}, Errorf(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	for _, field := range []struct{ name, value string }{
		{"Policy", f.Policy}, {"X-Amz-Algorithm", f.Algorithm}, {"X-Amz-Credential", f.Credential},
		{"X-Amz-Date", f.Date}, {"X-Amz-Signature", f.Signature},
	} {
		if field.value == "" {
			return Identity{}, missingPolicyField(field.name)
		}
	}
	if f.Algorithm != algorithm {
		return Identity{}, policyArgument("X-Amz-Algorithm", "Unsupported algorithm: "+f.Algorithm)
	}
	sig := &signature{signature: f.Signature, presigned: true}
	if problem := sig.setCredential(f.Credential); problem != "" {
		return Identity{}, policyArgument("X-Amz-Credential", problem)
	}
	if !sig.setDate(f.Date) || sig.date[:8] != sig.day || sig.service != "s3" {
		return Identity{}, policyArgument("X-Amz-Date", "The date and the service must be those of the credential.")
	}
	secret, ok := v.secrets[sig.accessKeyID]
	if !ok {
		return Identity{}, dialectS3.unknownKey(sig.accessKeyID)
	}
	var known bool
	sig.key, known = v.keys.get(secret, sig)
	if !sig.key.signed([]byte(f.Policy), sig.signature) {
		return Identity{}, dialectS3.mismatch(sig, "", f.Policy)
	}
	if !known {
		v.keys.put(sig)
	}
	return sig.identity(), nil
}

func missingPolicyField(name string) *Error {
	return policyArgument(name, "Bucket POST must contain a field named '"+name+"'.  If it is specified, please check the order of the fields.")
}

func policyArgument(name, message string) *Error {
	e := Errorf(http.StatusBadRequest, "InvalidArgument", "%s", message)
	e.Fields = map[string]any{"ArgumentName": name, "ArgumentValue": ""}
	return e
}
