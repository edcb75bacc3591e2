// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonRequestHeaders.html

package s3wire

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// unsupportedHeaders ask for features that aren't supported, except with the value
// accepted. A name that ends in "-" stands for all that begin with it.
var unsupportedHeaders = []struct{ name, accepted string }{
	{"X-Amz-Server-Side-Encryption", "AES256"},
	{"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled", "false"},
	{"X-Amz-Server-Side-Encryption-", ""},
	{"X-Amz-Copy-Source-Server-Side-Encryption-", ""},
	{"X-Amz-Website-Redirect-Location", ""},
	{"X-Amz-Object-Lock-", ""},
	{"X-Amz-Bucket-Object-Lock-Enabled", "false"},
	{"X-Amz-Bucket-Namespace", "global"},
	{"X-Amz-Mfa", ""},
	{"X-Amz-Write-Offset-Bytes", ""},
	// Conditions of directory buckets.
	{"X-Amz-If-Match-", ""},
	{"X-Amz-Object-Annotation-Directive", ""},
}

// checkHeaders refuses headers, of a request or a form, that would otherwise be
// ignored silently. Errors have no values: some are keys.
func checkHeaders(h http.Header) error {
	refused := "" // the first by name
	for name, values := range h {
		if !strings.HasPrefix(name, "X-Amz-") {
			continue
		}
		if strings.HasPrefix(name, "X-Amz-Grant-") {
			return aclsNotSupported()
		}
		if accepted, listed := unsupportedHeader(name); listed && values[0] != "" && values[0] != accepted && (refused == "" || name < refused) {
			refused = name
		}
	}
	if refused != "" {
		return notImplemented(refused)
	}
	if acl := h.Get("X-Amz-Acl"); acl != "" && acl != "private" && acl != "bucket-owner-full-control" {
		return aclsNotSupported()
	}
	if h.Get("X-Amz-Bypass-Governance-Retention") != "" {
		return invalidSetting("x-amz-bypass-governance-retention", "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
	}
	for _, name := range []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner"} {
		if err := checkOwner(h.Get(name)); err != nil {
			return err
		}
	}
	return checkStorageClass(h.Get("X-Amz-Storage-Class"))
}

// unsupportedHeader finds a header among unsupportedHeaders.
func unsupportedHeader(name string) (accepted string, listed bool) {
	for _, f := range unsupportedHeaders {
		if name == f.name || strings.HasSuffix(f.name, "-") && strings.HasPrefix(name, f.name) {
			return f.accepted, true
		}
	}
	return "", false
}

func aclsNotSupported() error {
	return awswire.Errorf(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
}

var accountPattern = regexp.MustCompile(`^\d{12}$`)

func checkOwner(id string) error {
	switch {
	case id == "" || id == awswire.Account:
		return nil
	case !accountPattern.MatchString(id):
		return awswire.Errorf(http.StatusBadRequest, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS Account ID... [%s]", id)
	}
	return accessDenied("Access Denied")
}

// checkStorageClass accepts the classes whose objects can be read at once.
// RestoreObject, which the others need, isn't supported.
func checkStorageClass(class string) error {
	switch class {
	case "", "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR":
		return nil
	case "GLACIER", "DEEP_ARCHIVE", "EXPRESS_ONEZONE", "SNOW":
		return notImplemented("x-amz-storage-class: " + class)
	}
	e := awswire.Errorf(http.StatusBadRequest, "InvalidStorageClass", "The storage class you specified is not valid")
	e.Fields = map[string]any{"StorageClassRequested": class}
	return e
}

func accessDenied(message string) *awswire.Error {
	return awswire.Errorf(http.StatusForbidden, "AccessDenied", "%s", message)
}
