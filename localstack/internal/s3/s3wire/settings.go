// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html

package s3wire

import (
	"encoding/xml"
	"net/http"
	"slices"

	"github.com/errandhq/errand/localstack/internal/s3"
)

// Settings that SDKs, Terraform and CloudFormation read of every bucket. Reads return
// those of a new bucket on AWS. Most can't be changed: the operations that would fail
// with NotImplemented.

// fixedSetting answers v if the bucket exists.
func fixedSetting(v any) operation {
	return func(c *request) error {
		if _, err := c.engine.Bucket(c.bucket); err != nil {
			return err
		}
		return c.writeXML(http.StatusOK, v)
	}
}

// missingSetting answers that the bucket has no such configuration.
func missingSetting(code, message string) operation {
	return func(c *request) error {
		if _, err := c.engine.Bucket(c.bucket); err != nil {
			return err
		}
		return c.notFound(code, message)
	}
}

type empty struct {
	XMLName xml.Name
	Xmlns   string `xml:"xmlns,attr"`
}

func emptyXML(name string) empty { return empty{XMLName: xml.Name{Local: name}, Xmlns: xmlns} }

type requestPayment struct {
	XMLName xml.Name `xml:"RequestPaymentConfiguration"`
	Xmlns   string   `xml:"xmlns,attr"`
	Payer   string
}

type encryption struct {
	XMLName xml.Name         `xml:"ServerSideEncryptionConfiguration"`
	Xmlns   string           `xml:"xmlns,attr,omitempty"`
	Rules   []encryptionRule `xml:"Rule"`
}

type encryptionRule struct {
	Default struct {
		Algorithm string    `xml:"SSEAlgorithm"`
		KMSKey    *struct{} `xml:"KMSMasterKeyID"`
	} `xml:"ApplyServerSideEncryptionByDefault"`
	BucketKey bool `xml:"BucketKeyEnabled"`
	// Not supported.
	BlockedEncryptionTypes *struct{} `xml:",omitempty"`
}

func (c *request) getBucketEncryption() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	rule := encryptionRule{BucketKey: b.BucketKey}
	rule.Default.Algorithm = "AES256"
	return c.writeXML(http.StatusOK, encryption{Xmlns: xmlns, Rules: []encryptionRule{rule}})
}

// putBucketEncryption accepts the encryption that every bucket has. The bucket key is
// stored and has no effect: it is for KMS.
func (c *request) putBucketEncryption() error {
	var in encryption
	if err := c.readXML(&in); err != nil {
		return err
	}
	if _, err := c.engine.Bucket(c.bucket); err != nil {
		return err
	}
	if len(in.Rules) != 1 {
		return malformedXML()
	}
	rule := in.Rules[0]
	if rule.BlockedEncryptionTypes != nil {
		return notImplemented("BlockedEncryptionTypes")
	}
	switch algorithm := rule.Default.Algorithm; {
	case algorithm == "AES256" && rule.Default.KMSKey != nil:
		return invalidSetting("ApplyServerSideEncryptionByDefault", "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
	case algorithm == "AES256":
		return c.respond(c.engine.PutBucketKey(c.bucket, rule.BucketKey), http.StatusOK)
	case algorithm == "aws:kms", algorithm == "aws:kms:dsse":
		return notImplemented("bucket encryption with " + algorithm)
	}
	return malformedXML()
}

// deleteBucketEncryption sets the default encryption.
func (c *request) deleteBucketEncryption() error {
	return c.respond(c.engine.PutBucketKey(c.bucket, false), http.StatusNoContent)
}

// invalidSetting is invalidArgument without the value.
func invalidSetting(name, message string) error {
	e := invalidArgument(name, "", message)
	delete(e.Fields, "ArgumentValue")
	return e
}

// accessControl is the ACL of every bucket and object: full control for the owner.
type accessControl struct {
	XMLName xml.Name `xml:"AccessControlPolicy"`
	Xmlns   string   `xml:"xmlns,attr"`
	Owner   owner
	Grant   grant `xml:"AccessControlList>Grant"`
}

type grant struct {
	Grantee struct {
		Xsi  string `xml:"xmlns:xsi,attr"`
		Type string `xml:"xsi:type,attr"`
		ID   string
	}
	Permission string
}

func ownersACL() accessControl {
	a := accessControl{Xmlns: xmlns, Owner: theOwner, Grant: grant{Permission: "FULL_CONTROL"}}
	a.Grant.Grantee.Xsi, a.Grant.Grantee.Type, a.Grant.Grantee.ID = "http://www.w3.org/2001/XMLSchema-instance", "CanonicalUser", theOwner.ID
	return a
}

func (c *request) getObjectACL() error {
	if _, _, err := c.engine.HeadObject(s3.GetObjectInput{Bucket: c.bucket, Key: c.key}); err != nil {
		return err
	}
	return c.writeXML(http.StatusOK, ownersACL())
}

type ownershipControls struct {
	XMLName xml.Name `xml:"OwnershipControls"`
	Xmlns   string   `xml:"xmlns,attr,omitempty"`
	Rule    []struct{ ObjectOwnership string }
}

func checkOwnership(v string) error {
	if !slices.Contains([]string{s3.BucketOwnerEnforced, "BucketOwnerPreferred", "ObjectWriter"}, v) {
		return invalidSetting("x-amz-object-ownership", "Invalid x-amz-object-ownership header: "+v)
	}
	return nil
}

func (c *request) getBucketOwnershipControls() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	if b.Ownership == "" {
		return c.notFound("OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
	}
	return c.writeXML(http.StatusOK, ownershipControls{Xmlns: xmlns, Rule: []struct{ ObjectOwnership string }{{b.Ownership}}})
}

func (c *request) putBucketOwnershipControls() error {
	var in ownershipControls
	if err := c.readXML(&in); err != nil {
		return err
	}
	if len(in.Rule) != 1 || checkOwnership(in.Rule[0].ObjectOwnership) != nil {
		return malformedXML()
	}
	return c.respond(c.engine.PutBucketOwnershipControls(c.bucket, in.Rule[0].ObjectOwnership), http.StatusOK)
}

func (c *request) deleteBucketOwnershipControls() error {
	return c.respond(c.engine.PutBucketOwnershipControls(c.bucket, ""), http.StatusNoContent)
}

type publicAccessBlock struct {
	XMLName xml.Name `xml:"PublicAccessBlockConfiguration"`
	Xmlns   string   `xml:"xmlns,attr,omitempty"`
	s3.PublicAccessBlock
}

func (c *request) getPublicAccessBlock() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	if b.PublicAccess == nil {
		return c.notFound("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	}
	return c.writeXML(http.StatusOK, publicAccessBlock{Xmlns: xmlns, PublicAccessBlock: *b.PublicAccess})
}

func (c *request) putPublicAccessBlock() error {
	var in publicAccessBlock
	if err := c.readXML(&in); err != nil {
		return err
	}
	return c.respond(c.engine.PutPublicAccessBlock(c.bucket, &in.PublicAccessBlock), http.StatusOK)
}

func (c *request) deletePublicAccessBlock() error {
	return c.respond(c.engine.PutPublicAccessBlock(c.bucket, nil), http.StatusNoContent)
}
