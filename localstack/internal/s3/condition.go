// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html

package s3

import (
	"strings"
	"time"
)

// Conditions are those of the If-* headers. ETags are as sent, with or without
// quotes; "" and the zero time are no condition.
type Conditions struct {
	IfMatch, IfNoneMatch               string
	IfModifiedSince, IfUnmodifiedSince time.Time
}

// failing returns the name of a condition of a read that o doesn't meet, or "".
// unmodified is true if the condition asks for a changed object.
// Source: RFC 9110, 13.2.2, which S3 follows.
func (c Conditions) failing(o *Object, now time.Time) (name string, unmodified bool) {
	modified := o.Modified.Truncate(time.Second)
	switch {
	case c.IfMatch != "":
		if !etagIn(c.IfMatch, o.ETag) {
			return "If-Match", false
		}
	case !c.IfUnmodifiedSince.IsZero() && modified.After(c.IfUnmodifiedSince):
		return "If-Unmodified-Since", false
	}
	switch {
	case c.IfNoneMatch != "":
		if etagIn(c.IfNoneMatch, o.ETag) {
			return "If-None-Match", true
		}
	// S3 ignores a date in the future.
	case !c.IfModifiedSince.IsZero() && !modified.After(c.IfModifiedSince) && !c.IfModifiedSince.After(now):
		return "If-Modified-Since", true
	}
	return "", false
}

// checkRead applies c to a read of o.
func (c Conditions) checkRead(o *Object, now time.Time) error {
	switch name, unmodified := c.failing(o, now); {
	case name == "":
		return nil
	case unmodified:
		return newError(304, "NotModified", "Not Modified")
	default:
		return preconditionFailed(name)
	}
}

// checkSource is checkRead for the source of a copy, which never answers 304.
func (c Conditions) checkSource(o *Object, now time.Time) error {
	if name, _ := c.failing(o, now); name != "" {
		return preconditionFailed("x-amz-copy-source-" + name)
	}
	return nil
}

// valid refuses conditions that S3 doesn't support for writes.
func (c Conditions) valid() error {
	const refused = "A header you provided implies functionality that is not implemented"
	switch {
	case c.IfMatch != "" && c.IfNoneMatch != "":
		return newError(501, "NotImplemented", refused, "Header", "If-Match,If-None-Match",
			"additionalMessage", "Multiple conditional request headers present in the request")
	case c.IfNoneMatch != "" && c.IfNoneMatch != "*":
		return newError(501, "NotImplemented", refused, "Header", "If-None-Match",
			"additionalMessage", "We don't accept the provided value of If-None-Match header for this API")
	case c.IfMatch == "*":
		return newError(501, "NotImplemented", refused, "Header", "If-Match",
			"additionalMessage", "We don't accept the provided value of If-Match header for this API")
	}
	return nil
}

// checkWrite checks a write that replaces o; nil if there is no object at key.
func (c Conditions) checkWrite(o *Object, key string) error {
	switch {
	case c.IfNoneMatch == "*" && o != nil:
		return preconditionFailed("If-None-Match")
	case c.IfMatch != "" && o == nil:
		return noSuchKey(key)
	case c.IfMatch != "" && !etagIn(c.IfMatch, o.ETag):
		return preconditionFailed("If-Match")
	}
	return nil
}

// conflict is the error of a conditional write if the key was written or deleted
// after the write began.
func (c Conditions) conflict(key string) error {
	name := "If-None-Match"
	if c.IfMatch != "" {
		name = "If-Match"
	}
	return newError(409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.",
		"Condition", name, "Key", key)
}

// etagIn reports whether etag is in a list of ETags, or the list is "*".
func etagIn(list, etag string) bool {
	for e := range strings.SplitSeq(list, ",") {
		e = strings.TrimSpace(e)
		if e == "*" || strings.Trim(e, `"`) == etag {
			return true
		}
	}
	return false
}
