package s3wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/ptr"
)

// What tools ask of each bucket has the answer of a new bucket; to change it
// fails by name.
func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	bkt := aws.String("bkt")
	acl, err := w.GetBucketAcl(ctx, &awss3.GetBucketAclInput{Bucket: bkt})
	check(t, err)
	if len(acl.Grants) != 1 || acl.Grants[0].Permission != types.PermissionFullControl || *acl.Grants[0].Grantee.ID != *acl.Owner.ID || acl.Grants[0].Grantee.Type != types.TypeCanonicalUser {
		t.Errorf("ACL %+v", acl.Grants)
	}
	enc, err := w.GetBucketEncryption(ctx, &awss3.GetBucketEncryptionInput{Bucket: bkt})
	check(t, err)
	if r := enc.ServerSideEncryptionConfiguration.Rules; len(r) != 1 || r[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 {
		t.Errorf("encryption %+v", r)
	}
	pay, err := w.GetBucketRequestPayment(ctx, &awss3.GetBucketRequestPaymentInput{Bucket: bkt})
	check(t, err)
	if pay.Payer != types.PayerBucketOwner {
		t.Errorf("payer %s", pay.Payer)
	}
	versioning, err := w.GetBucketVersioning(ctx, &awss3.GetBucketVersioningInput{Bucket: bkt})
	check(t, err)
	if versioning.Status != "" {
		t.Errorf("versioning %s", versioning.Status)
	}
	_, err = w.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: bkt})
	wantError(t, err, "NoSuchBucketPolicy")
	_, err = w.GetBucketWebsite(ctx, &awss3.GetBucketWebsiteInput{Bucket: bkt})
	wantError(t, err, "NoSuchWebsiteConfiguration")
	_, err = w.GetObjectLockConfiguration(ctx, &awss3.GetObjectLockConfigurationInput{Bucket: bkt})
	wantError(t, err, "ObjectLockConfigurationNotFoundError")
	_, err = w.GetBucketReplication(ctx, &awss3.GetBucketReplicationInput{Bucket: aws.String("no-bucket")})
	wantError(t, err, "NoSuchBucket")

	_, err = w.PutBucketVersioning(ctx, &awss3.PutBucketVersioningInput{Bucket: bkt, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	wantError(t, err, "NotImplemented")
	if !strings.Contains(err.Error(), "PUT ?versioning") {
		t.Errorf("the refusal doesn't name what it refuses: %v", err)
	}
	_, err = w.PutBucketPolicy(ctx, &awss3.PutBucketPolicyInput{Bucket: bkt, Policy: aws.String("{}")})
	wantError(t, err, "NotImplemented")
	_, err = w.PutObject(ctx, &awss3.PutObjectInput{Bucket: bkt, Key: aws.String("k"), Body: strings.NewReader(""), StorageClass: types.StorageClassDeepArchive})
	wantError(t, err, "NotImplemented")
}

// Ownership and the public access block are kept as they were set.
func TestKeptSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	bkt := aws.String("bkt")
	own, err := w.GetBucketOwnershipControls(ctx, &awss3.GetBucketOwnershipControlsInput{Bucket: bkt})
	check(t, err)
	if own.OwnershipControls.Rules[0].ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced {
		t.Errorf("ownership %+v", own.OwnershipControls)
	}
	_, err = w.DeleteBucketOwnershipControls(ctx, &awss3.DeleteBucketOwnershipControlsInput{Bucket: bkt})
	check(t, err)
	_, err = w.GetBucketOwnershipControls(ctx, &awss3.GetBucketOwnershipControlsInput{Bucket: bkt})
	wantError(t, err, "OwnershipControlsNotFoundError")
	_, err = w.PutPublicAccessBlock(ctx, &awss3.PutPublicAccessBlockInput{Bucket: bkt, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: ptr.Bool(true)}})
	check(t, err)
	pab, err := w.GetPublicAccessBlock(ctx, &awss3.GetPublicAccessBlockInput{Bucket: bkt})
	check(t, err)
	if c := pab.PublicAccessBlockConfiguration; !*c.BlockPublicAcls || *c.IgnorePublicAcls {
		t.Errorf("public access block %+v", c)
	}
}

func TestListVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	for _, k := range []string{"a", "b", "c"} {
		w.put(t, k, "x")
	}
	var ids []types.ObjectIdentifier
	for p := awss3.NewListObjectVersionsPaginator(w, &awss3.ListObjectVersionsInput{Bucket: aws.String("bkt"), MaxKeys: aws.Int32(2)}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		check(t, err)
		for _, v := range out.Versions {
			ids = append(ids, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
	}
	out, err := w.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("bkt"), Delete: &types.Delete{Objects: ids}})
	check(t, err)
	if len(out.Deleted) != 3 || len(out.Errors) != 0 {
		t.Errorf("emptied: %+v, errors %+v", out.Deleted, out.Errors)
	}
	_, err = w.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: aws.String("bkt")})
	check(t, err)
}

func TestListBucketsPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	for _, name := range []string{"aaa", "abb", "zzz"} {
		_, err := w.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: &name})
		check(t, err)
	}
	var got []string
	for p := awss3.NewListBucketsPaginator(w, &awss3.ListBucketsInput{MaxBuckets: aws.Int32(1), Prefix: aws.String("a")}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		check(t, err)
		for _, b := range out.Buckets {
			got = append(got, *b.Name)
		}
	}
	if strings.Join(got, " ") != "aaa abb" {
		t.Errorf("buckets %v", got)
	}
}

// Metadata that isn't ASCII travels as RFC 2047 words, and is bounded as text.
func TestMetadataText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	for sent, want := range map[string]string{
		"plain  text!":              "plain  text!",
		"=?UTF-8?B?YWJj?=":          "abc",
		"=?UTF-8?Q?=C3=84pfel?=":    "=?UTF-8?Q?=C3=84pfel?=",
		"Äpfel":                     "=?UTF-8?Q?=C3=84pfel?=",
		"日本語":                       "=?UTF-8?B?5pel5pys6Kqe?=",
		strings.Repeat("long é", 9): "=?UTF-8?Q?" + strings.Repeat("long_=C3=A9", 9) + "?=",
	} {
		w.put(t, "k", "", func(in *awss3.PutObjectInput) { in.Metadata = map[string]string{"m": sent} })
		if _, out := w.get(t, "k"); out.Metadata["m"] != want {
			t.Errorf("%q came back as %q, want %q", sent, out.Metadata["m"], want)
		}
	}
	fits := strings.Repeat("v", 2048-1)
	w.put(t, "k", "", func(in *awss3.PutObjectInput) { in.Metadata = map[string]string{"m": fits} })
	_, err := w.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("bkt"), Key: aws.String("k"), Body: strings.NewReader(""), Metadata: map[string]string{"m": fits + "v"}})
	wantError(t, err, "MetadataTooLarge")
}

// A date that is yet to come is no condition, for reads and copies alike.
func TestModifiedSinceTheFuture(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "k", "x")
	future := aws.Time(w.clock.Now().Add(time.Hour))
	w.get(t, "k", func(in *awss3.GetObjectInput) { in.IfModifiedSince = future })
	_, err := w.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: aws.String("bkt"), Key: aws.String("c"), CopySource: aws.String("bkt/k"), CopySourceIfModifiedSince: future})
	check(t, err)
}
