package s3

import (
	"strings"
	"time"
)

// Conditions are those of a request's If-* headers. ETags stand as sent,
// with or without quotes; "" and the zero time are no condition.
type Conditions struct {
	IfMatch, IfNoneMatch               string
	IfModifiedSince, IfUnmodifiedSince time.Time
}

// checkRead applies c to a read of o.
// Source: RFC 9110, 13.2.2, which S3 follows.
func (c Conditions) checkRead(o *Object) error {
	modified := o.Modified.Truncate(time.Second)
	switch {
	case c.IfMatch != "":
		if !etagIn(c.IfMatch, o.ETag) {
			return preconditionFailed("If-Match")
		}
	case !c.IfUnmodifiedSince.IsZero() && modified.After(c.IfUnmodifiedSince):
		return preconditionFailed("If-Unmodified-Since")
	}
	switch {
	case c.IfNoneMatch != "":
		if etagIn(c.IfNoneMatch, o.ETag) {
			return fail(304, "NotModified", "Not Modified")
		}
	case !c.IfModifiedSince.IsZero() && !modified.After(c.IfModifiedSince):
		return fail(304, "NotModified", "Not Modified")
	}
	return nil
}

// checkSource applies c to the source of a copy, where 304 makes no sense.
func (c Conditions) checkSource(o *Object) error {
	if err := c.checkRead(o); err != nil {
		return preconditionFailed("x-amz-copy-source-If")
	}
	return nil
}

// checkWrite applies c to a write over o, nil if there is no object at key.
func (c Conditions) checkWrite(o *Object, key string) error {
	switch {
	case c.IfNoneMatch != "" && c.IfNoneMatch != "*":
		return fail(501, "NotImplemented", "A header you provided implies functionality that is not implemented",
			"Header", "If-None-Match", "additionalMessage", "We don't accept the provided value of If-None-Match header for this API")
	case c.IfNoneMatch == "*" && o != nil:
		return preconditionFailed("If-None-Match")
	case c.IfMatch != "" && o == nil:
		return noSuchKey(key)
	case c.IfMatch != "" && !etagIn(c.IfMatch, o.ETag):
		return preconditionFailed("If-Match")
	}
	return nil
}

// etagIn reports whether a list of ETags, or "*", covers etag.
func etagIn(list, etag string) bool {
	for e := range strings.SplitSeq(list, ",") {
		e = strings.TrimSpace(e)
		if e == "*" || strings.Trim(e, `"`) == etag {
			return true
		}
	}
	return false
}
