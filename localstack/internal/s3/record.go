package s3

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// recordVersion is the first byte of an object's record.
const recordVersion = 1

var (
	errDamagedRecord = errors.New("an s3 object's record is damaged")
	errOldRecord     = errors.New("the objects were stored by an errand before 0.1.0, whose format this version doesn't read: use an empty data directory")
)

// checkFormat refuses a store whose first object has a record of another version.
func (e *Engine) checkFormat() error {
	return e.Keys.Scan([]byte("o"), []byte("p"), func(_, v []byte) (bool, error) {
		return false, checkVersion(v)
	})
}

// checkVersion tells records of another version from damaged ones. The format
// before 0.1.0 was JSON.
func checkVersion(record []byte) error {
	switch {
	case len(record) == 0:
		return errDamagedRecord
	case record[0] == '{':
		return errOldRecord
	case record[0] != recordVersion:
		return fmt.Errorf("an s3 object's record has the unknown version %d", record[0])
	}
	return nil
}

// encodeObject returns an object's record: numbers are varints, strings follow their
// length, lists and maps their count. Each request for the object decodes it, so it
// isn't JSON.
func encodeObject(o *Object) []byte {
	b := append(make([]byte, 0, 512), recordVersion)
	b = appendTexts(b, o.Key, o.ETag, string(o.Checksum.Algorithm), o.Checksum.Value, o.Checksum.Type, o.StorageClass, o.UploadID)
	b = binary.AppendVarint(b, o.Size)
	b = binary.AppendVarint(b, o.Modified.Unix())
	b = binary.AppendVarint(b, int64(o.Modified.Nanosecond()))
	b = appendFlag(b, o.Multipart)
	b = appendMap(appendMap(b, o.Headers), o.Metadata)
	b = binary.AppendVarint(b, int64(len(o.Tags)))
	for _, t := range o.Tags {
		b = appendTexts(b, t.Key, t.Value)
	}
	b = binary.AppendVarint(b, int64(len(o.Parts)))
	for _, p := range o.Parts {
		b = appendTexts(b, p.ID, p.Sum)
		b = append(binary.AppendVarint(b, p.Size), p.flags())
		if p.CRC != "" {
			b = appendTexts(b, p.CRC)
		}
	}
	return b
}

// appendMap appends m in the order of its keys.
func appendMap(b []byte, m map[string]string) []byte {
	var buf [8]string // on the stack
	keys := buf[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	b = binary.AppendVarint(b, int64(len(m)))
	for _, k := range keys {
		b = appendTexts(b, k, m[k])
	}
	return b
}

func appendTexts(b []byte, texts ...string) []byte {
	for _, s := range texts {
		b = append(binary.AppendVarint(b, int64(len(s))), s...)
	}
	return b
}

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

// Flags of a part.
const (
	partInline = 1 << iota
	partCRC
)

func (p *Part) flags() (f byte) {
	if p.Inline {
		f |= partInline
	}
	if p.CRC != "" {
		f |= partCRC
	}
	return f
}

// decodeObject reads what encodeObject wrote.
func decodeObject(data []byte, o *Object) error {
	if err := checkVersion(data); err != nil {
		return err
	}
	r := recordReader{s: string(data[1:])}
	r.object(o)
	if r.failed || r.s != "" {
		return errDamagedRecord
	}
	return nil
}

// A recordReader decodes a record. Strings aren't copied.
type recordReader struct {
	s      string
	failed bool
}

func (r *recordReader) fail() { r.failed, r.s = true, "" }

func (r *recordReader) byte() byte {
	if r.s == "" {
		r.fail()
		return 0
	}
	c := r.s[0]
	r.s = r.s[1:]
	return c
}

func (r *recordReader) number() int64 {
	var u uint64
	for shift := 0; shift < 64; shift += 7 {
		c := r.byte()
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	r.fail()
	return 0
}

// count returns how many elements follow, of a byte at least each.
func (r *recordReader) count() int {
	n := r.number()
	if n < 0 || n > int64(len(r.s)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *recordReader) text() string {
	n := r.count()
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

func (r *recordReader) texts(into ...*string) {
	for _, s := range into {
		*s = r.text()
	}
}

func (r *recordReader) object(o *Object) {
	r.texts(&o.Key, &o.ETag, (*string)(&o.Checksum.Algorithm), &o.Checksum.Value, &o.Checksum.Type, &o.StorageClass, &o.UploadID)
	o.Size = r.number()
	seconds, nanos := r.number(), r.number()
	o.Modified = time.Unix(seconds, nanos).UTC()
	o.Multipart = r.byte() == 1
	o.Headers, o.Metadata = r.stringMap(), r.stringMap()
	if n := r.count(); n > 0 {
		o.Tags = make([]Tag, n)
	}
	for i := range o.Tags {
		r.texts(&o.Tags[i].Key, &o.Tags[i].Value)
	}
	o.Parts = make([]Part, r.count())
	for i := range o.Parts {
		p := &o.Parts[i]
		r.texts(&p.ID, &p.Sum)
		p.Size = r.number()
		flags := r.byte()
		if p.Inline = flags&partInline != 0; flags&partCRC != 0 {
			p.CRC = r.text()
		}
	}
}

// stringMap returns nil for an empty map.
func (r *recordReader) stringMap() map[string]string {
	n := r.count()
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	for range n {
		k := r.text()
		m[k] = r.text()
	}
	return m
}
