package s3wire

import (
	"net/http"
	"slices"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// An op is one operation of the API.
type op func(*call) error

// level is what a request is about.
type level int

const (
	service level = iota
	bucketLevel
	objectLevel
)

type routeKey struct {
	level  level
	method string
	sub    string // the query parameter that names a subresource, "" for none
}

// routes are all operations that exist here.
var routes = map[routeKey]op{
	{service, "GET", ""}: (*call).listBuckets,

	{bucketLevel, "PUT", ""}:             (*call).createBucket,
	{bucketLevel, "HEAD", ""}:            (*call).headBucket,
	{bucketLevel, "DELETE", ""}:          (*call).deleteBucket,
	{bucketLevel, "GET", ""}:             (*call).listObjectsV1,
	{bucketLevel, "GET", "list-type"}:    (*call).listObjectsV2,
	{bucketLevel, "GET", "location"}:     (*call).getLocation,
	{bucketLevel, "GET", "versioning"}:   (*call).getVersioning,
	{bucketLevel, "GET", "lifecycle"}:    (*call).getLifecycle,
	{bucketLevel, "PUT", "lifecycle"}:    (*call).putLifecycle,
	{bucketLevel, "DELETE", "lifecycle"}: (*call).deleteLifecycle,
	{bucketLevel, "GET", "cors"}:         (*call).getCORS,
	{bucketLevel, "PUT", "cors"}:         (*call).putCORS,
	{bucketLevel, "DELETE", "cors"}:      (*call).deleteCORS,
	{bucketLevel, "GET", "uploads"}:      (*call).listUploads,
	{bucketLevel, "POST", "delete"}:      (*call).deleteObjects,

	{objectLevel, "GET", ""}:            (*call).getObject,
	{objectLevel, "HEAD", ""}:           (*call).headObject,
	{objectLevel, "PUT", ""}:            (*call).putObject,
	{objectLevel, "DELETE", ""}:         (*call).deleteObject,
	{objectLevel, "POST", "uploads"}:    (*call).createUpload,
	{objectLevel, "PUT", "uploadId"}:    (*call).putPart,
	{objectLevel, "GET", "uploadId"}:    (*call).listParts,
	{objectLevel, "POST", "uploadId"}:   (*call).completeUpload,
	{objectLevel, "DELETE", "uploadId"}: (*call).abortUpload,
}

// subresources are the query parameters that make a request another operation.
// One that has no route must not be served as if it weren't there.
var subresources = []string{
	"accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering",
	"inventory", "legal-hold", "lifecycle", "list-type", "location", "logging", "metadataConfiguration",
	"metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
	"publicAccessBlock", "renameObject", "replication", "requestPayment", "restore", "retention", "select",
	"session", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
}

// route finds the operation that the request asks for.
func (c *call) route() (op, error) {
	k := routeKey{level: objectLevel, method: c.r.Method}
	switch {
	case c.bucket == "":
		k.level = service
	case c.key == "":
		k.level = bucketLevel
	}
	for _, s := range subresources {
		if c.query.Has(s) {
			k.sub = s
			break
		}
	}
	if err := c.checkHeaders(); err != nil {
		return nil, err
	}
	if v := c.query.Get("versionId"); v != "" && v != "null" {
		return nil, awswire.Errorf(http.StatusBadRequest, "InvalidArgument", "Invalid version id specified")
	}
	if o, ok := routes[k]; ok {
		return o, nil
	}
	if k.sub != "" {
		return nil, notImplemented(c.r.Method + " ?" + k.sub)
	}
	return nil, awswire.Errorf(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

func notImplemented(what string) *awswire.Error {
	return awswire.Errorf(http.StatusNotImplemented, "NotImplemented", "A header or operation you provided implies functionality that is not implemented: %s", what)
}

// checkHeaders refuses headers that ask for what isn't there, which would
// otherwise be ignored in silence.
func (c *call) checkHeaders() error {
	for name, accepted := range map[string][]string{
		"X-Amz-Server-Side-Encryption":                    {"AES256"},
		"X-Amz-Server-Side-Encryption-Customer-Algorithm": {},
		"X-Amz-Storage-Class":                             {"STANDARD"},
		"X-Amz-Tagging":                                   {},
		"X-Amz-Website-Redirect-Location":                 {},
		"X-Amz-Object-Lock-Mode":                          {},
		"X-Amz-Object-Lock-Legal-Hold":                    {},
		"X-Amz-Bucket-Object-Lock-Enabled":                {"false"},
	} {
		if v := c.r.Header.Get(name); v != "" && !slices.Contains(accepted, v) {
			return notImplemented(name + ": " + v)
		}
	}
	if acl := c.r.Header.Get("X-Amz-Acl"); acl != "" && acl != "private" && acl != "bucket-owner-full-control" {
		return awswire.Errorf(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
	if owner := c.r.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "" && owner != awswire.Account {
		return accessDenied("Access Denied")
	}
	return nil
}

func accessDenied(message string) *awswire.Error {
	return awswire.Errorf(http.StatusForbidden, "AccessDenied", "%s", message)
}
