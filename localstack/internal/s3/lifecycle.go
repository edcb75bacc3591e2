// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html

package s3

import (
	"strings"
	"time"
)

const day = 24 * time.Hour

// LifecycleRule expires objects whose keys begin with Prefix, and aborts multipart
// uploads to such keys.
type LifecycleRule struct {
	ID       string
	Prefix   string
	NoPrefix bool `json:",omitempty"` // none was given, not even an empty one
	Disabled bool `json:",omitempty"`
	// MinSize and MaxSize bound the objects that it is for, both exclusive;
	// 0: no bound.
	MinSize, MaxSize int64 `json:",omitempty"`
	// Days is the age at which objects expire; 0: they don't by age.
	Days int `json:",omitempty"`
	// Date is when objects expire, whatever their age; zero: they don't.
	Date time.Time `json:",omitzero"`
	// AbortDays is the age at which unfinished uploads are aborted; 0: never.
	AbortDays int `json:",omitempty"`
}

// PutBucketLifecycle replaces a bucket's rules; none removes them. transitionSize is
// returned with them.
// Errors: NoSuchBucket.
func (e *Engine) PutBucketLifecycle(bucket string, rules []LifecycleRule, transitionSize string) error {
	return e.updateBucket(bucket, func(b *Bucket) { b.Lifecycle, b.TransitionSize = rules, transitionSize })
}

// Expiry returns when o expires, and by which rule; ok is false if it never does.
func (b *Bucket) Expiry(o *Object) (at time.Time, rule string, ok bool) {
	for _, r := range b.Lifecycle {
		if t, covered := r.expiry(o); covered && (!ok || t.Before(at)) {
			at, rule, ok = t, r.ID, true
		}
	}
	return at, rule, ok
}

func (r *LifecycleRule) expiry(o *Object) (time.Time, bool) {
	switch {
	case r.Disabled || !strings.HasPrefix(o.Key, r.Prefix),
		r.MinSize > 0 && o.Size <= r.MinSize, r.MaxSize > 0 && o.Size >= r.MaxSize:
		return time.Time{}, false
	case !r.Date.IsZero():
		return r.Date, true
	case r.Days > 0:
		return nextMidnight(o.Modified, r.Days), true
	}
	return time.Time{}, false
}

// nextMidnight is days after t, rounded up to midnight UTC.
// Source: "Lifecycle rules: based on an object's age", Amazon S3 User Guide.
func nextMidnight(t time.Time, days int) time.Time {
	return t.UTC().Add(time.Duration(days)*day + day - 1).Truncate(day)
}

func (b *Bucket) expired(o *Object, now time.Time) bool {
	at, _, ok := b.Expiry(o)
	return ok && !now.Before(at)
}

// abortsUpload reports whether a rule has u aborted by now.
func (b *Bucket) abortsUpload(u *MultipartUpload, now time.Time) bool {
	for _, r := range b.Lifecycle {
		if !r.Disabled && r.AbortDays > 0 && strings.HasPrefix(u.Key, r.Prefix) && !now.Before(nextMidnight(u.Initiated, r.AbortDays)) {
			return true
		}
	}
	return false
}

// expireBatch limits how long one step of ApplyLifecycle holds the engine's lock.
const expireBatch = 200

// untilMidnight is the time until the next midnight UTC, when rules take effect.
func untilMidnight(now time.Time) time.Duration { return now.Truncate(day).Add(day).Sub(now) }

// ApplyLifecycle deletes expired objects and aborts multipart uploads as the
// buckets' rules say. Expired objects are hidden already; this frees their bytes.
func (e *Engine) ApplyLifecycle() error {
	buckets, err := e.listBuckets()
	if err != nil {
		return err
	}
	for _, b := range buckets {
		if len(b.Lifecycle) == 0 {
			continue
		}
		for from := objectKey(b.Name, ""); from != nil; {
			if e.IsClosing() {
				return nil
			}
			if from, err = e.expireObjects(b.Name, from); err != nil {
				return err
			}
		}
		err := e.update(func(batch *batch) ([]Part, error) {
			return e.deleteUploads(batch, b.Name, func(u *MultipartUpload) bool { return b.abortsUpload(u, e.Now()) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// expireObjects deletes expired objects among the next expireBatch ones. It returns
// the store key to continue from, or nil at the end.
func (e *Engine) expireObjects(name string, from []byte) (next []byte, err error) {
	err = e.update(func(batch *batch) (drop []Part, err error) {
		b, err := e.findBucket(name)
		if err != nil {
			return nil, nil //nolint:nilerr // deleted meanwhile
		}
		seen := 0
		err = e.Keys.Scan(from, prefixEnd(objectKey(name, "")), func(k, v []byte) (bool, error) {
			if seen++; seen > expireBatch {
				next = append([]byte{}, k...)
				return false, nil
			}
			var o Object
			if err := decodeObject(v, &o); err != nil {
				return false, err
			}
			if b.expired(&o, e.Now()) {
				batch.Delete(e.Keys, k)
				drop = append(drop, o.Parts...)
			}
			return true, nil
		})
		return drop, err
	})
	return next, err
}
