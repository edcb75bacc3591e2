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

// failing names the condition of a read of o that doesn't hold, "" if all do.
// unmodified says that it is one of those that ask for a changed object.
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
	// S3 ignores a date that is yet to come.
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

// checkSource applies c to the source of a copy, where 304 makes no sense.
func (c Conditions) checkSource(o *Object, now time.Time) error {
	if name, _ := c.failing(o, now); name != "" {
		return preconditionFailed("x-amz-copy-source-" + name)
	}
	return nil
}

// valid refuses conditions that S3 has none of for writes.
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

// checkWrite applies c, which is valid, to a write over o, nil if there is no
// object at key.
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

// conflict is what a conditional write meets if another one, to the same key,
// came between its beginning and its end.
func (c Conditions) conflict(key string) error {
	name := "If-None-Match"
	if c.IfMatch != "" {
		name = "If-Match"
	}
	return newError(409, "ConditionalRequestConflict", "The conditional request cannot succeed due to a conflicting operation against this resource.",
		"Condition", name, "Key", key)
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
