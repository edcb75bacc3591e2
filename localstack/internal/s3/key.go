package s3

import (
	"encoding/json"
	"fmt"
)

// The keys of the engine's space. A bucket's name ends at the first NUL; an
// object's key may have any byte.
//
//	b<bucket>                   bucket
//	o<bucket> 00 <key>          Object
//	u<bucket> 00 <key> 00 <id>  multipart upload; the id is of fixed length
//	p<upload id><part, 5 digits> uploadedPart
//	f<body id>                  nothing: it says that a record names the body's file
//	i<body id>                  the bytes of a small body, which has no file

func bucketKey(bucket string) []byte      { return []byte("b" + bucket) }
func objectKey(bucket, key string) []byte { return []byte("o" + bucket + "\x00" + key) }
func bodyKey(id string) []byte            { return []byte("f" + id) }
func inlineKey(id string) []byte          { return []byte("i" + id) }
func uploadKey(bucket, key, id string) []byte {
	return []byte("u" + bucket + "\x00" + key + "\x00" + id)
}
func partKey(id string, number int) []byte { return fmt.Appendf(nil, "p%s%05d", id, number) }

// prefixEnd returns the first key after those that begin with prefix, or nil.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte{}, prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}

// get decodes the record at key into v, and reports whether it exists.
func (e *Engine) get(key []byte, v any) (bool, error) {
	data, ok, err := e.Keys.Get(key)
	if err != nil || !ok {
		return false, err
	}
	return true, decode(data, v)
}

func (e *Engine) getObject(bucket, key string, o *Object) (bool, error) {
	data, ok, err := e.Keys.Get(objectKey(bucket, key))
	if err != nil || !ok {
		return false, err
	}
	return true, decodeObject(data, o)
}

func (e *Engine) set(b *batch, key []byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an s3 record: %w", err)
	}
	b.Set(e.Keys, key, data)
	return nil
}

func decode(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode an s3 record: %w", err)
	}
	return nil
}
