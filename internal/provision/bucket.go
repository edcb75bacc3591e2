package provision

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/errandhq/errand/internal/template"
)

func (p *provisioner) bucket(ctx context.Context, b template.Bucket) error {
	resource, done := "bucket "+b.Name, "exists"
	_, err := p.buckets.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.Name})
	if isCode(err, "NotFound", "NoSuchBucket") {
		done = "created"
		err = p.createBucket(ctx, b.Name)
	}
	if err != nil {
		return err
	}
	p.report(Change{Resource: resource, Done: done})
	if err := p.optional(resource, "the expiry of objects", p.expireObjects(ctx, b)); err != nil {
		return err
	}
	return p.optional(resource, "access from web pages (CORS)", p.allowPages(ctx, b))
}

func (p *provisioner) createBucket(ctx context.Context, name string) error {
	in := &s3.CreateBucketInput{Bucket: &name}
	if p.region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(p.region)}
	}
	_, err := p.buckets.CreateBucket(ctx, in)
	if isCode(err, "BucketAlreadyOwnedByYou") { // another one creates it too
		return nil
	}
	return err
}

func (p *provisioner) expireObjects(ctx context.Context, b template.Bucket) error {
	var rules []types.LifecycleRule
	for _, r := range b.Lifecycle {
		rule := types.LifecycleRule{ID: &r.ID, Status: types.ExpirationStatusDisabled, Filter: &types.LifecycleRuleFilter{Prefix: &r.Prefix}}
		if r.Enabled {
			rule.Status = types.ExpirationStatusEnabled
		}
		if r.ExpirationDays > 0 {
			rule.Expiration = &types.LifecycleExpiration{Days: aws.Int32(int32(r.ExpirationDays))}
		}
		if r.AbortDays > 0 {
			rule.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(int32(r.AbortDays))}
		}
		rules = append(rules, rule)
	}
	if len(rules) == 0 {
		return nil
	}
	_, err := p.buckets.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &b.Name, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
	})
	return err
}

func (p *provisioner) allowPages(ctx context.Context, b template.Bucket) error {
	var rules []types.CORSRule
	for _, r := range b.CORS {
		rules = append(rules, types.CORSRule{
			AllowedOrigins: r.AllowedOrigins, AllowedMethods: r.AllowedMethods, AllowedHeaders: r.AllowedHeaders,
			ExposeHeaders: r.ExposedHeaders, MaxAgeSeconds: aws.Int32(int32(r.MaxAgeSeconds)),
		})
	}
	if len(rules) == 0 {
		return nil
	}
	_, err := p.buckets.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &b.Name, CORSConfiguration: &types.CORSConfiguration{CORSRules: rules}})
	return err
}
