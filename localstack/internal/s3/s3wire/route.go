package s3wire

import (
	"net/http"
	"net/url"
	"regexp"
	"sync"

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
	{bucketLevel, "GET", "versions"}:     (*call).listVersions,

	{bucketLevel, "GET", "tagging"}:              (*call).getBucketTags,
	{bucketLevel, "PUT", "tagging"}:              (*call).putBucketTags,
	{bucketLevel, "DELETE", "tagging"}:           (*call).deleteBucketTags,
	{bucketLevel, "GET", "ownershipControls"}:    (*call).getOwnership,
	{bucketLevel, "PUT", "ownershipControls"}:    (*call).putOwnership,
	{bucketLevel, "DELETE", "ownershipControls"}: (*call).deleteOwnership,
	{bucketLevel, "GET", "publicAccessBlock"}:    (*call).getPublicAccess,
	{bucketLevel, "PUT", "publicAccessBlock"}:    (*call).putPublicAccess,
	{bucketLevel, "DELETE", "publicAccessBlock"}: (*call).deletePublicAccess,

	{bucketLevel, "GET", "acl"}:            setting(ownersACL()),
	{bucketLevel, "GET", "accelerate"}:     setting(emptyXML("AccelerateConfiguration")),
	{bucketLevel, "GET", "logging"}:        setting(emptyXML("BucketLoggingStatus")),
	{bucketLevel, "GET", "notification"}:   setting(emptyXML("NotificationConfiguration")),
	{bucketLevel, "GET", "requestPayment"}: setting(requestPayment{Xmlns: xmlns, Payer: "BucketOwner"}),
	{bucketLevel, "GET", "encryption"}:     setting(encryption{Xmlns: xmlns, Algorithm: "AES256"}),
	{bucketLevel, "GET", "policy"}:         unset("NoSuchBucketPolicy", "The bucket policy does not exist"),
	{bucketLevel, "GET", "policyStatus"}:   unset("NoSuchBucketPolicy", "The bucket policy does not exist"),
	{bucketLevel, "GET", "website"}:        unset("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
	{bucketLevel, "GET", "replication"}:    unset("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
	{bucketLevel, "GET", "object-lock"}:    unset("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
	{bucketLevel, "POST", "delete"}:        (*call).deleteObjects,

	{objectLevel, "GET", ""}:            (*call).getObject,
	{objectLevel, "HEAD", ""}:           (*call).headObject,
	{objectLevel, "PUT", ""}:            (*call).putObject,
	{objectLevel, "DELETE", ""}:         (*call).deleteObject,
	{objectLevel, "GET", "attributes"}:  (*call).getAttributes,
	{objectLevel, "GET", "acl"}:         (*call).getObjectACL,
	{objectLevel, "GET", "tagging"}:     (*call).getTags,
	{objectLevel, "PUT", "tagging"}:     (*call).putTags,
	{objectLevel, "DELETE", "tagging"}:  (*call).deleteTags,
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
	k.sub = subresource(c.query)
	if err := c.checkHeaders(); err != nil {
		return nil, err
	}
	if v := c.query.Get("versionId"); v != "" && v != "null" {
		return nil, invalidArgument("versionId", v, "Invalid version id specified")
	}
	if o, ok := routes[k]; ok {
		return o, nil
	}
	if k.sub != "" {
		return nil, notImplemented(c.r.Method + " ?" + k.sub)
	}
	return nil, awswire.Errorf(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

// subresource is the first of subresources that a query has, "" for none.
func subresource(query url.Values) string {
	if len(query) == 0 || len(query) == 1 && query.Has("x-id") { // what SDKs call the operation
		return ""
	}
	for _, s := range subresources {
		if query.Has(s) {
			return s
		}
	}
	return ""
}

func notImplemented(what string) *awswire.Error {
	return awswire.Errorf(http.StatusNotImplemented, "NotImplemented", "A header or operation you provided implies functionality that is not implemented: %s", what)
}

// absentFeatures are headers that ask for what isn't there, with the one value
// that doesn't.
var absentFeatures = []struct{ name, accepted string }{
	{"X-Amz-Server-Side-Encryption", "AES256"},
	{"X-Amz-Server-Side-Encryption-Customer-Algorithm", ""},
	{"X-Amz-Website-Redirect-Location", ""},
	{"X-Amz-Object-Lock-Mode", ""},
	{"X-Amz-Object-Lock-Legal-Hold", ""},
	{"X-Amz-Bucket-Object-Lock-Enabled", "false"},
}

// checkHeaders refuses headers that ask for what isn't there, which would
// otherwise be ignored in silence.
func (c *call) checkHeaders() error {
	for _, f := range absentFeatures {
		if v := c.r.Header.Get(f.name); v != "" && v != f.accepted {
			return notImplemented(f.name + ": " + v)
		}
	}
	if acl := c.r.Header.Get("X-Amz-Acl"); acl != "" && acl != "private" && acl != "bucket-owner-full-control" {
		return awswire.Errorf(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
	if c.r.Header.Get("X-Amz-Bypass-Governance-Retention") != "" {
		e := invalidArgument("x-amz-bypass-governance-retention", "", "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
		delete(e.Fields, "ArgumentValue")
		return e
	}
	for _, name := range []string{"X-Amz-Expected-Bucket-Owner", "X-Amz-Source-Expected-Bucket-Owner"} {
		if err := checkOwner(c.r.Header.Get(name)); err != nil {
			return err
		}
	}
	return checkStorageClass(c.r.Header.Get("X-Amz-Storage-Class"))
}

var accountID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d{12}$`) })

func checkOwner(id string) error {
	switch {
	case id == "" || id == awswire.Account:
		return nil
	case !accountID().MatchString(id):
		return awswire.Errorf(http.StatusBadRequest, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS Account ID... [%s]", id)
	}
	return accessDenied("Access Denied")
}

// checkStorageClass accepts the classes from which objects can be read at
// once. The others need them restored first, which isn't there.
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
