// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html

package s3wire

import (
	"net/http"
	"net/url"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

type operation func(*request) error

type resourceLevel int

const (
	service resourceLevel = iota
	bucketLevel
	objectLevel
)

type routeKey struct {
	level  resourceLevel
	method string
	sub    string // the query parameter that names a subresource, "" for none
}

// routes are all supported operations.
var routes = map[routeKey]operation{
	{service, "GET", ""}: (*request).listBuckets,

	{bucketLevel, "PUT", ""}:             (*request).createBucket,
	{bucketLevel, "HEAD", ""}:            (*request).headBucket,
	{bucketLevel, "DELETE", ""}:          (*request).deleteBucket,
	{bucketLevel, "GET", ""}:             (*request).listObjectsV1,
	{bucketLevel, "GET", "list-type"}:    (*request).listObjectsV2,
	{bucketLevel, "GET", "location"}:     (*request).getBucketLocation,
	{bucketLevel, "GET", "versioning"}:   (*request).getBucketVersioning,
	{bucketLevel, "GET", "lifecycle"}:    (*request).getBucketLifecycle,
	{bucketLevel, "PUT", "lifecycle"}:    (*request).putBucketLifecycle,
	{bucketLevel, "DELETE", "lifecycle"}: (*request).deleteBucketLifecycle,
	{bucketLevel, "GET", "cors"}:         (*request).getBucketCORS,
	{bucketLevel, "PUT", "cors"}:         (*request).putBucketCORS,
	{bucketLevel, "DELETE", "cors"}:      (*request).deleteBucketCORS,
	{bucketLevel, "GET", "uploads"}:      (*request).listMultipartUploads,
	{bucketLevel, "GET", "versions"}:     (*request).listObjectVersions,

	{bucketLevel, "GET", "tagging"}:              (*request).getBucketTagging,
	{bucketLevel, "PUT", "tagging"}:              (*request).putBucketTagging,
	{bucketLevel, "DELETE", "tagging"}:           (*request).deleteBucketTagging,
	{bucketLevel, "GET", "ownershipControls"}:    (*request).getBucketOwnershipControls,
	{bucketLevel, "PUT", "ownershipControls"}:    (*request).putBucketOwnershipControls,
	{bucketLevel, "DELETE", "ownershipControls"}: (*request).deleteBucketOwnershipControls,
	{bucketLevel, "GET", "publicAccessBlock"}:    (*request).getPublicAccessBlock,
	{bucketLevel, "PUT", "publicAccessBlock"}:    (*request).putPublicAccessBlock,
	{bucketLevel, "DELETE", "publicAccessBlock"}: (*request).deletePublicAccessBlock,

	{bucketLevel, "GET", "acl"}:            fixedSetting(ownersACL()),
	{bucketLevel, "GET", "accelerate"}:     fixedSetting(emptyXML("AccelerateConfiguration")),
	{bucketLevel, "GET", "logging"}:        fixedSetting(emptyXML("BucketLoggingStatus")),
	{bucketLevel, "GET", "notification"}:   fixedSetting(emptyXML("NotificationConfiguration")),
	{bucketLevel, "GET", "requestPayment"}: fixedSetting(requestPayment{Xmlns: xmlns, Payer: "BucketOwner"}),
	{bucketLevel, "GET", "encryption"}:     (*request).getBucketEncryption,
	{bucketLevel, "PUT", "encryption"}:     (*request).putBucketEncryption,
	{bucketLevel, "DELETE", "encryption"}:  (*request).deleteBucketEncryption,
	{bucketLevel, "GET", "policy"}:         missingSetting("NoSuchBucketPolicy", "The bucket policy does not exist"),
	{bucketLevel, "GET", "policyStatus"}:   missingSetting("NoSuchBucketPolicy", "The bucket policy does not exist"),
	{bucketLevel, "GET", "website"}:        missingSetting("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
	{bucketLevel, "GET", "replication"}:    missingSetting("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
	{bucketLevel, "GET", "object-lock"}:    missingSetting("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
	{bucketLevel, "POST", "delete"}:        (*request).deleteObjects,

	{objectLevel, "GET", ""}:            (*request).getObject,
	{objectLevel, "HEAD", ""}:           (*request).headObject,
	{objectLevel, "PUT", ""}:            (*request).putObject,
	{objectLevel, "DELETE", ""}:         (*request).deleteObject,
	{objectLevel, "GET", "attributes"}:  (*request).getObjectAttributes,
	{objectLevel, "GET", "acl"}:         (*request).getObjectACL,
	{objectLevel, "GET", "tagging"}:     (*request).getObjectTagging,
	{objectLevel, "PUT", "tagging"}:     (*request).putObjectTagging,
	{objectLevel, "DELETE", "tagging"}:  (*request).deleteObjectTagging,
	{objectLevel, "POST", "uploads"}:    (*request).createMultipartUpload,
	{objectLevel, "PUT", "uploadId"}:    (*request).uploadPart,
	{objectLevel, "GET", "uploadId"}:    (*request).listParts,
	{objectLevel, "POST", "uploadId"}:   (*request).completeMultipartUpload,
	{objectLevel, "DELETE", "uploadId"}: (*request).abortMultipartUpload,
}

// subresources are the query parameters that select another operation. A request with
// one of them that has no route must fail.
var subresources = []string{
	"accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering",
	"inventory", "legal-hold", "lifecycle", "list-type", "location", "logging", "metadataConfiguration",
	"metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
	"publicAccessBlock", "renameObject", "replication", "requestPayment", "restore", "retention", "select",
	"session", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
}

func (c *request) route() (operation, error) {
	k := routeKey{level: objectLevel, method: c.r.Method}
	switch {
	case c.bucket == "":
		k.level = service
	case c.key == "":
		k.level = bucketLevel
	}
	k.sub = subresource(c.query)
	if err := checkHeaders(c.r.Header); err != nil {
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

// subresource returns the first of subresources in a query, or "".
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
