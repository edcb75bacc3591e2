// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html

package s3wire

import (
	"cmp"
	"encoding/xml"
	"net/http"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

type lifecycleConfiguration struct {
	XMLName xml.Name        `xml:"LifecycleConfiguration"`
	Xmlns   string          `xml:"xmlns,attr,omitempty"`
	Rules   []lifecycleRule `xml:"Rule"`
}

type lifecycleRule struct {
	ID         string
	Status     string
	Prefix     *string              `xml:",omitempty"` // the legacy form of Filter's
	Filter     *lifecycleFilter     `xml:",omitempty"`
	Expiration *lifecycleExpiration `xml:",omitempty"`
	Abort      *lifecycleAbort      `xml:"AbortIncompleteMultipartUpload,omitempty"`

	// Not supported.
	Transition                  *struct{} `xml:",omitempty"`
	NoncurrentVersionTransition *struct{} `xml:",omitempty"`
	NoncurrentVersionExpiration *struct{} `xml:",omitempty"`
}

type lifecycleFilter struct {
	Prefix                *string `xml:",omitempty"`
	ObjectSizeGreaterThan int64   `xml:",omitempty"`
	ObjectSizeLessThan    int64   `xml:",omitempty"`
	Tag                   *struct{}
	And                   *lifecycleFilter `xml:",omitempty"`
}

type lifecycleExpiration struct {
	Days                      *int      `xml:",omitempty"`
	Date                      string    `xml:",omitempty"`
	ExpiredObjectDeleteMarker *struct{} `xml:",omitempty"`
}

type lifecycleAbort struct{ DaysAfterInitiation int }

func (c *request) putBucketLifecycle() error {
	var in lifecycleConfiguration
	if err := c.readXML(&in); err != nil {
		return err
	}
	if len(in.Rules) == 0 || len(in.Rules) > 1000 {
		return malformedXML()
	}
	var rules []s3.LifecycleRule
	seen := map[string]bool{}
	for _, r := range in.Rules {
		rule, err := r.read()
		if err != nil {
			return err
		}
		if rule.ID == "" {
			rule.ID = awswire.RequestID()
		}
		if seen[rule.ID] {
			return invalidArgument("ID", rule.ID, "Rule ID must be unique. Found same ID for more than one rule")
		}
		seen[rule.ID] = true
		rules = append(rules, rule)
	}
	size := cmp.Or(c.r.Header.Get(transitionSize), transitionDefault)
	if size != transitionDefault && size != "varies_by_storage_class" {
		return invalidRequest("Invalid TransitionDefaultMinimumObjectSize found: " + size)
	}
	c.w.Header().Set(transitionSize, size)
	return c.respond(c.engine.PutBucketLifecycle(c.bucket, rules, size), http.StatusOK)
}

// read checks a rule and converts it to the engine's.
func (r *lifecycleRule) read() (s3.LifecycleRule, error) {
	out := s3.LifecycleRule{ID: r.ID, Disabled: r.Status == "Disabled"}
	switch {
	case r.Transition != nil, r.NoncurrentVersionTransition != nil, r.NoncurrentVersionExpiration != nil:
		return out, notImplemented("lifecycle transitions and non-current versions")
	case r.Status != "Enabled" && r.Status != "Disabled", (r.Prefix == nil) == (r.Filter == nil):
		return out, malformedXML()
	case r.Expiration == nil && r.Abort == nil:
		return out, invalidRequest("At least one action needs to be specified in a rule")
	}
	if r.Prefix != nil {
		out.Prefix = *r.Prefix
	} else if err := r.Filter.read(&out); err != nil {
		return out, err
	}
	if r.Abort != nil {
		if out.AbortDays = r.Abort.DaysAfterInitiation; out.AbortDays <= 0 {
			return out, positiveDays("DaysAfterInitiation", "AbortIncompleteMultipartUpload")
		}
	}
	if r.Expiration != nil {
		return out, r.Expiration.read(&out)
	}
	return out, nil
}

func (f *lifecycleFilter) read(out *s3.LifecycleRule) error {
	if f.And != nil {
		if (*f != lifecycleFilter{And: f.And}) {
			return malformedXML()
		}
		f = f.And
	}
	if f.Tag != nil || f.And != nil {
		return notImplemented("lifecycle filters by tag")
	}
	if out.NoPrefix = f.Prefix == nil; !out.NoPrefix {
		out.Prefix = *f.Prefix
	}
	out.MinSize, out.MaxSize = f.ObjectSizeGreaterThan, f.ObjectSizeLessThan
	return nil
}

func (x *lifecycleExpiration) read(out *s3.LifecycleRule) error {
	switch {
	case x.ExpiredObjectDeleteMarker != nil:
		return notImplemented("lifecycle expiry of delete markers")
	case (x.Days == nil) == (x.Date == ""):
		return malformedXML()
	case x.Days != nil:
		if out.Days = *x.Days; out.Days <= 0 {
			return positiveDays("Days", "Expiration")
		}
		return nil
	}
	t, err := time.Parse(time.RFC3339, x.Date)
	if err != nil {
		return malformedXML()
	}
	if out.Date = t.UTC(); !out.Date.Equal(out.Date.Truncate(24 * time.Hour)) {
		return invalidArgument("Date", x.Date, "'Date' must be at midnight GMT")
	}
	return nil
}

func positiveDays(name, action string) error {
	return invalidArgument(name, "", "'"+name+"' for "+action+" action must be a positive integer")
}

func (c *request) getBucketLifecycle() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	if len(b.Lifecycle) == 0 {
		return c.notFound("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
	}
	out := lifecycleConfiguration{Xmlns: xmlns}
	for _, r := range b.Lifecycle {
		out.Rules = append(out.Rules, xmlRule(r))
	}
	c.w.Header().Set(transitionSize, cmp.Or(b.TransitionSize, transitionDefault))
	return c.writeXML(http.StatusOK, out)
}

// The smallest objects that transitions apply to. S3 returns it with all rules.
const (
	transitionSize    = "x-amz-transition-default-minimum-object-size"
	transitionDefault = "all_storage_classes_128K"
)

func xmlRule(r s3.LifecycleRule) lifecycleRule {
	x := lifecycleRule{ID: r.ID, Status: "Enabled"}
	if r.Disabled {
		x.Status = "Disabled"
	}
	x.Filter = &lifecycleFilter{ObjectSizeGreaterThan: r.MinSize, ObjectSizeLessThan: r.MaxSize}
	if !r.NoPrefix {
		x.Filter.Prefix = &r.Prefix
	}
	if r.MinSize > 0 && r.MaxSize > 0 || !r.NoPrefix && (r.MinSize > 0 || r.MaxSize > 0) {
		x.Filter = &lifecycleFilter{And: x.Filter}
	}
	if r.Days > 0 {
		x.Expiration = &lifecycleExpiration{Days: &r.Days}
	} else if !r.Date.IsZero() {
		x.Expiration = &lifecycleExpiration{Date: xmlTime(r.Date)}
	}
	if r.AbortDays > 0 {
		x.Abort = &lifecycleAbort{r.AbortDays}
	}
	return x
}

func (c *request) deleteBucketLifecycle() error {
	return c.respond(c.engine.PutBucketLifecycle(c.bucket, nil, ""), http.StatusNoContent)
}
