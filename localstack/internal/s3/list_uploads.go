// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html

package s3

import (
	"bytes"
	"cmp"
)

// ListMultipartUploadsInput is the input of ListMultipartUploads.
type ListMultipartUploadsInput struct {
	Prefix, Delimiter string
	// AfterKey and AfterID are an upload, or AfterKey alone a key or a common
	// prefix: the list begins beyond it.
	AfterKey, AfterID string
	Max               int // uploads and common prefixes together
}

// MultipartUploadsPage is a page of a list, in the order of keys and, for one key, of
// creation.
type MultipartUploadsPage struct {
	Uploads  []MultipartUpload
	Prefixes []string
	More     bool
}

// ListMultipartUploads lists unfinished uploads. Errors: NoSuchBucket, InvalidArgument.
func (e *Engine) ListMultipartUploads(bucket string, in ListMultipartUploadsInput) (*MultipartUploadsPage, error) {
	page, err := e.listUploads(bucket, in)
	return page, cmp.Or(e.awaitAllSync(), err)
}

func (e *Engine) listUploads(bucket string, in ListMultipartUploadsInput) (*MultipartUploadsPage, error) {
	if _, err := e.findBucket(bucket); err != nil {
		return nil, err
	}
	if err := e.checkMarker(bucket, in.AfterKey, in.AfterID); err != nil {
		return nil, err
	}
	page := &MultipartUploadsPage{}
	from := uploadsKey(bucket, in.Prefix)
	end := prefixEnd(from)
	if beyond := in.keyAfter(bucket); bytes.Compare(beyond, from) > 0 {
		from = beyond
	}
	for from != nil && bytes.Compare(from, end) < 0 {
		var err error
		if from, err = e.scanUploads(bucket, in, page, from, end); err != nil {
			return nil, err
		}
	}
	return page, nil
}

func uploadsKey(bucket, prefix string) []byte { return []byte("u" + bucket + "\x00" + prefix) }

// keyAfter returns the first store key after the markers.
func (in *ListMultipartUploadsInput) keyAfter(bucket string) []byte {
	switch {
	case in.AfterKey == "":
		return nil
	case in.AfterID != "":
		return append(uploadKey(bucket, in.AfterKey, in.AfterID), 0)
	}
	if g := commonPrefix(in.AfterKey, in.Prefix, in.Delimiter); g != "" {
		return prefixEnd(uploadsKey(bucket, g))
	}
	return prefixEnd(uploadsKey(bucket, in.AfterKey+"\x00"))
}

// scanUploads lists to end or to a common prefix. It returns the store key after that
// prefix, or nil at the end.
func (e *Engine) scanUploads(bucket string, in ListMultipartUploadsInput, page *MultipartUploadsPage, from, end []byte) (next []byte, err error) {
	err = e.Keys.Scan(from, end, func(_, v []byte) (bool, error) {
		var u MultipartUpload
		if err := decode(v, &u); err != nil {
			return false, err
		}
		if page.More = len(page.Uploads)+len(page.Prefixes) >= in.Max; page.More {
			return false, nil
		}
		if g := commonPrefix(u.Key, in.Prefix, in.Delimiter); g != "" {
			page.Prefixes = append(page.Prefixes, g)
			next = prefixEnd(uploadsKey(bucket, g))
			return false, nil
		}
		page.Uploads = append(page.Uploads, u)
		return true, nil
	})
	return next, err
}

type objectName struct{ bucket, key string }

// checkMarker refuses the ID of an upload to another key. It accepts IDs of uploads
// that don't exist: a client may abort the uploads that it lists.
func (e *Engine) checkMarker(bucket, key, id string) error {
	e.mu.RLock()
	to, ok := e.uploads[id]
	e.mu.RUnlock()
	if ok && to != (objectName{bucket, key}) {
		return invalidArgument("upload-id-marker", id, "Invalid uploadId marker")
	}
	return nil
}

// loadUploads reads which uploads are unfinished.
func (e *Engine) loadUploads() error {
	return e.Keys.Scan([]byte("u"), []byte("v"), func(_, v []byte) (bool, error) {
		var u MultipartUpload
		err := decode(v, &u)
		e.uploads[u.ID] = objectName{u.Bucket, u.Key}
		return true, err
	})
}

// markUploadsChanged sets KeyChanged of the unfinished uploads to a key.
func (e *Engine) markUploadsChanged(b *batch, bucket, key string) error {
	if len(e.uploads) == 0 {
		return nil
	}
	from := uploadsKey(bucket, key+"\x00")
	return e.Keys.Scan(from, prefixEnd(from), func(k, v []byte) (bool, error) {
		var u MultipartUpload
		if err := decode(v, &u); err != nil {
			return false, err
		}
		if u.Key != key || u.KeyChanged {
			return true, nil
		}
		u.KeyChanged = true
		return true, e.set(b, append([]byte{}, k...), &u)
	})
}
