package s3wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/errandhq/errand/localstack/internal/s3"
)

func (w *world) setLifecycle(rules ...types.LifecycleRule) error {
	_, err := w.PutBucketLifecycleConfiguration(ctx, &awss3.PutBucketLifecycleConfigurationInput{
		Bucket: aws.String("bkt"), LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
	})
	return err
}

func TestLifecycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	_, err := w.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: aws.String("bkt")})
	wantError(t, err, "NoSuchLifecycleConfiguration")
	check(t, w.setLifecycle(
		types.LifecycleRule{ID: aws.String("logs"), Status: "Enabled", Filter: &types.LifecycleRuleFilter{Prefix: aws.String("logs/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(3)},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)}},
		types.LifecycleRule{ID: aws.String("off"), Status: "Disabled", Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(1)}},
	))
	got, err := w.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: aws.String("bkt")})
	check(t, err)
	if len(got.Rules) != 2 || *got.Rules[0].Filter.Prefix != "logs/" || *got.Rules[0].Expiration.Days != 3 || got.Rules[1].Status != "Disabled" || *got.Rules[0].AbortIncompleteMultipartUpload.DaysAfterInitiation != 1 {
		t.Errorf("rules %+v", got.Rules)
	}
	w.put(t, "logs/a", "x")
	w.put(t, "kept/a", "x")
	u := w.upload(t, "logs/u", [][]byte{[]byte("x")}, nil)
	_, out := w.get(t, "logs/a")
	if out.Expiration == nil || !strings.Contains(*out.Expiration, `rule-id="logs"`) {
		t.Errorf("x-amz-expiration %v", out.Expiration)
	}
	if _, out := w.get(t, "kept/a"); out.Expiration != nil {
		t.Errorf("x-amz-expiration %s of an object that doesn't expire", *out.Expiration)
	}
	// Three days, rounded up to midnight UTC.
	midnight := out.LastModified.Add(3*24*time.Hour + 24*time.Hour - time.Second).Truncate(24 * time.Hour)
	w.clock.Advance(midnight.Sub(w.clock.Now()) - time.Second)
	if err := w.engine.ApplyLifecycle(); err != nil {
		t.Fatal(err)
	}
	if page, err := w.engine.ListMultipartUploads("bkt", s3.ListMultipartUploadsInput{Max: 10}); err != nil || len(page.Uploads) != 0 {
		t.Errorf("upload %s wasn't aborted: %v %v", *u.UploadId, page, err)
	}
	c := w.engineHas(t, "logs/a")
	if !c {
		t.Error("expired a second early")
	}
	w.clock.Advance(time.Second)
	if w.engineHas(t, "logs/a") {
		t.Error("there after its expiry")
	}
	if !w.engineHas(t, "kept/a") {
		t.Error("an object of no rule expired")
	}
}

func TestLifecycleRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	prefix := &types.LifecycleRuleFilter{Prefix: aws.String("")}
	days := func(n int32) *types.LifecycleExpiration { return &types.LifecycleExpiration{Days: aws.Int32(n)} }
	wantError(t, w.setLifecycle(types.LifecycleRule{Status: "Enabled", Filter: prefix, Expiration: days(0)}), "InvalidArgument")
	wantError(t, w.setLifecycle(types.LifecycleRule{Status: "Enabled", Filter: prefix}), "InvalidRequest")
	wantError(t, w.setLifecycle(types.LifecycleRule{Status: "Sometimes", Filter: prefix, Expiration: days(1)}), "MalformedXML")
	wantError(t, w.setLifecycle(types.LifecycleRule{Status: "Enabled", Filter: prefix, Transitions: []types.Transition{{Days: aws.Int32(1), StorageClass: "GLACIER"}}}), "NotImplemented")
	wantError(t, w.setLifecycle(types.LifecycleRule{Status: "Enabled", Filter: &types.LifecycleRuleFilter{Tag: &types.Tag{Key: aws.String("a"), Value: aws.String("b")}}, Expiration: days(1)}), "NotImplemented")
}

// engineHas asks past the signature check, whose clock has moved on from the SDK's.
func (w *world) engineHas(t *testing.T, key string) bool {
	t.Helper()
	page, err := w.engine.ListObjects("bkt", s3.ListObjectsInput{Prefix: key, MaxKeys: 1})
	check(t, err)
	_, _, err = w.engine.HeadObject(s3.GetObjectInput{Bucket: "bkt", Key: key})
	if (err == nil) != (len(page.Objects) == 1) {
		t.Fatalf("Head says %v, the list %+v", err, page.Objects)
	}
	return err == nil
}
