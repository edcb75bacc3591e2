package s3

import "github.com/errandhq/errand/localstack/internal/kv"

// A batch collects the writes of one step, and the changes in memory that follow
// when they are applied.
type batch struct {
	*kv.Batch
	e       *Engine
	stripes []int              // of the objects and buckets written
	buckets map[string]*Bucket // nil: deleted

	createdUploads []*MultipartUpload
	endedUploads   []string // IDs of uploads
}

func (b *batch) setObject(bucket string, o *Object) {
	b.stripes = append(b.stripes, stripeOf(bucket, o.Key))
	b.Set(b.e.Keys, objectKey(bucket, o.Key), encodeObject(o))
}

func (b *batch) deleteObject(bucket, key string) {
	b.stripes = append(b.stripes, stripeOf(bucket, key))
	b.Delete(b.e.Keys, objectKey(bucket, key))
}

// setBucket stores a bucket. The caller must not change it afterwards.
func (b *batch) setBucket(bucket *Bucket) error {
	b.bucketChanged(bucket.Name, bucket)
	return b.e.set(b, bucketKey(bucket.Name), bucket)
}

func (b *batch) deleteBucket(name string) {
	b.bucketChanged(name, nil)
	b.Delete(b.e.Keys, bucketKey(name))
}

func (b *batch) bucketChanged(name string, bucket *Bucket) {
	if b.buckets == nil {
		b.buckets = map[string]*Bucket{}
	}
	b.buckets[name] = bucket
	b.stripes = append(b.stripes, stripeOf(name, ""))
}

// applied updates the engine's memory. The caller holds the engine's lock.
func (b *batch) applied(w appliedBatch) {
	for _, s := range b.stripes {
		b.e.lastByStripe[s] = w
	}
	for _, u := range b.createdUploads {
		b.e.uploads[u.ID] = objectName{u.Bucket, u.Key}
	}
	for _, id := range b.endedUploads {
		delete(b.e.uploads, id)
	}
	for name, bucket := range b.buckets {
		if bucket == nil {
			b.e.buckets.Delete(name)
		} else {
			b.e.buckets.Store(name, bucket)
		}
	}
}

// stripes is how many groups the keys of all buckets are hashed to.
const stripes = 256

// stripeOf is the stripe of an object or, with no key, of a bucket (FNV-1a).
func stripeOf(bucket, key string) int {
	h := uint32(2166136261)
	for _, s := range [...]string{bucket, "\x00", key} {
		for i := range len(s) {
			h = (h ^ uint32(s[i])) * 16777619
		}
	}
	return int((h>>24 ^ h) % stripes)
}
