package s3

import (
	"bytes"
	"strings"
)

// MaxKeys is the most that a page of a list holds.
const MaxKeys = 1000

// ListInput says what to list.
type ListInput struct {
	Prefix    string
	Delimiter string // "": no grouping
	// After is a key, or a common prefix of the page before: the list begins
	// beyond it, and beyond all keys that the common prefix covers.
	After   string
	MaxKeys int // objects and common prefixes together
}

// ListPage is a page of a list, in the order of the keys' UTF-8.
type ListPage struct {
	Objects  []Object
	Prefixes []string
	// Next is the After of the next page, "" if this is the last.
	Next string
}

// List lists a bucket's objects. Errors: NoSuchBucket.
func (e *Engine) List(bucket string, in ListInput) (*ListPage, error) {
	page, err := e.list(bucket, in)
	return page, firstOf(e.settleAll(), err)
}

func (e *Engine) list(bucket string, in ListInput) (*ListPage, error) {
	b, err := e.bucket(bucket)
	if err != nil {
		return nil, err
	}
	l := &lister{e: e, bucket: b, in: in, page: &ListPage{}}
	from := objectKey(bucket, in.Prefix)
	end := after(from)
	if in.After >= in.Prefix && in.After != "" {
		from = l.beyond(in.After)
	}
	for from != nil && bytes.Compare(from, end) < 0 {
		if from, err = l.scan(from, end); err != nil {
			return nil, err
		}
	}
	return l.page, nil
}

type lister struct {
	e      *Engine
	bucket *Bucket
	in     ListInput
	page   *ListPage
	last   string
}

// group is the common prefix that key falls under, "" if none.
func group(key, prefix, delimiter string) string {
	if delimiter == "" || !strings.HasPrefix(key, prefix) {
		return ""
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(prefix)+i+len(delimiter)]
}

func (l *lister) group(key string) string { return group(key, l.in.Prefix, l.in.Delimiter) }

// beyond is the first store key after key or, if that is a common prefix,
// after all that it covers.
func (l *lister) beyond(key string) []byte {
	if g := l.group(key); g != "" {
		return after(objectKey(l.bucket.Name, g))
	}
	return append(objectKey(l.bucket.Name, key), 0)
}

// scan lists from a store key to the end, or to a common prefix: over the keys
// of that it jumps, by returning where to go on. At the end it returns nil.
func (l *lister) scan(from, end []byte) (next []byte, err error) {
	err = l.e.space.Scan(from, end, func(_, v []byte) (bool, error) {
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
		if g := l.group(o.Key); g != "" {
			l.page.Prefixes, l.last = append(l.page.Prefixes, g), g
			next = l.beyond(g)
			return false, nil
		}
		l.page.Objects, l.last = append(l.page.Objects, o), o.Key
		return true, nil
	})
	return next, err
}
