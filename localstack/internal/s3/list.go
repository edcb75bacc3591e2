// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html

package s3

import (
	"bytes"
	"cmp"
	"strings"
)

// MaxKeys is the largest page of a list.
const MaxKeys = 1000

// ListObjectsInput is the input of ListObjects.
type ListObjectsInput struct {
	Prefix    string
	Delimiter string // "": no grouping
	// After is a key, or a common prefix of the page before: the list begins
	// beyond it, and beyond all keys that the common prefix covers.
	After   string
	MaxKeys int // objects and common prefixes together
}

// ObjectsPage is a page of a list, in the order of the keys' UTF-8 bytes.
type ObjectsPage struct {
	Objects  []Object
	Prefixes []string
	// Next is the After of the next page, "" if this is the last.
	Next string
}

// ListObjects lists a bucket's objects. Errors: NoSuchBucket.
func (e *Engine) ListObjects(bucket string, in ListObjectsInput) (*ObjectsPage, error) {
	page, err := e.listObjects(bucket, in)
	return page, cmp.Or(e.awaitAllSync(), err)
}

func (e *Engine) listObjects(bucket string, in ListObjectsInput) (*ObjectsPage, error) {
	b, err := e.findBucket(bucket)
	if err != nil {
		return nil, err
	}
	l := &objectLister{e: e, bucket: b, in: in, page: &ObjectsPage{}}
	from := objectKey(bucket, in.Prefix)
	end := prefixEnd(from)
	if in.After >= in.Prefix && in.After != "" {
		from = l.keyAfter(in.After)
	}
	for from != nil && bytes.Compare(from, end) < 0 {
		if from, err = l.scan(from, end); err != nil {
			return nil, err
		}
	}
	return l.page, nil
}

type objectLister struct {
	e      *Engine
	bucket *Bucket
	in     ListObjectsInput
	page   *ObjectsPage
	last   string
}

// commonPrefix returns the common prefix that includes key, or "".
func commonPrefix(key, prefix, delimiter string) string {
	if delimiter == "" || !strings.HasPrefix(key, prefix) {
		return ""
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(prefix)+i+len(delimiter)]
}

func (l *objectLister) commonPrefix(key string) string {
	return commonPrefix(key, l.in.Prefix, l.in.Delimiter)
}

// keyAfter returns the first store key after key or, for a common prefix, after all
// keys that it includes.
func (l *objectLister) keyAfter(key string) []byte {
	if g := l.commonPrefix(key); g != "" {
		return prefixEnd(objectKey(l.bucket.Name, g))
	}
	return append(objectKey(l.bucket.Name, key), 0)
}

// scan lists from a store key to end or to a common prefix. It returns the store key
// after that prefix, or nil at the end.
func (l *objectLister) scan(from, end []byte) (next []byte, err error) {
	err = l.e.Keys.Scan(from, end, func(_, v []byte) (bool, error) {
		var o Object
		if err := decodeObject(v, &o); err != nil {
			return false, err
		}
		if l.bucket.expired(&o, l.e.Now()) {
			return true, nil
		}
		if len(l.page.Objects)+len(l.page.Prefixes) >= l.in.MaxKeys {
			l.page.Next = l.last
			return false, nil
		}
		if g := l.commonPrefix(o.Key); g != "" {
			l.page.Prefixes, l.last = append(l.page.Prefixes, g), g
			next = l.keyAfter(g)
			return false, nil
		}
		l.page.Objects, l.last = append(l.page.Objects, o), o.Key
		return true, nil
	})
	return next, err
}
