// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html

package s3

import (
	"cmp"
	"strings"
	"time"
)

// Bucket is a bucket and its configuration.
type Bucket struct {
	Name      string
	Region    string
	Location  string `json:",omitempty"` // the legacy name of Region ("EU"), if it was used
	Created   time.Time
	Lifecycle []LifecycleRule `json:",omitempty"`
	// TransitionSize is stored with the rules and has no effect: there are no transitions.
	TransitionSize string     `json:",omitempty"`
	CORS           []CORSRule `json:",omitempty"`
	Tags           []Tag      `json:",omitempty"`
	// Ownership, PublicAccess and BucketKey are stored but have no effect: everything belongs
	// to one account, and nothing is public.
	Ownership    string             `json:",omitempty"` // "": none
	PublicAccess *PublicAccessBlock `json:",omitempty"` // nil: none
	BucketKey    bool               `json:",omitempty"` // of its default encryption
}

// PublicAccessBlock is a bucket's public access block.
type PublicAccessBlock struct {
	BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
}

// BucketOwnerEnforced is the object ownership of new buckets: there are no ACLs.
const BucketOwnerEnforced = "BucketOwnerEnforced"

const digits, lettersAndDigits = "0123456789", "abcdefghijklmnopqrstuvwxyz0123456789"

// ValidBucketName reports whether name is valid for a new bucket: 3 to 63 lower-case
// letters, digits, dots and hyphens; a letter or digit at either end; no two dots
// together; not an IP address.
func ValidBucketName(name string) bool {
	n := len(name)
	return n >= 3 && n <= 63 && strings.Trim(name, lettersAndDigits+".-") == "" && strings.Trim(name[:1]+name[n-1:], lettersAndDigits) == "" &&
		!strings.Contains(name, "..") && !isIPAddress(name)
}

// isIPAddress expects a name without a dot at either end.
func isIPAddress(name string) bool {
	return strings.Count(name, ".") == 3 && strings.Trim(name, digits+".") == ""
}

// CreateBucket creates a bucket. Creating one that is there succeeds in
// us-east-1, as it does there, unless it has tags, and fails elsewhere.
// Errors: InvalidBucketName, BucketAlreadyOwnedByYou.
func (e *Engine) CreateBucket(name, region string) error {
	return e.NewBucket(Bucket{Name: name, Region: region, Ownership: BucketOwnerEnforced})
}

// NewBucket is CreateBucket of one with a configuration.
// Errors: as CreateBucket's, and CheckTags'.
func (e *Engine) NewBucket(bucket Bucket) error {
	name, region := bucket.Name, bucket.Region
	if !ValidBucketName(name) {
		return newError(400, "InvalidBucketName", "The specified bucket is not valid.", "BucketName", name)
	}
	if err := CheckTags(bucket.Tags, MaxBucketTags); err != nil {
		return err
	}
	return e.update(func(b *batch) ([]Part, error) {
		switch old, err := e.findBucket(name); {
		case err == nil && old.Region == "us-east-1" && region == "us-east-1" && len(bucket.Tags) == 0:
			return nil, nil
		case err == nil:
			return nil, newError(409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.", "BucketName", name)
		}
		bucket.Created, bucket.PublicAccess = e.Now(), &PublicAccessBlock{true, true, true, true}
		return nil, b.setBucket(&bucket)
	})
}

// Bucket returns a bucket, which the caller must not change. Errors: NoSuchBucket.
func (e *Engine) Bucket(name string) (*Bucket, error) {
	b, err := e.findBucket(name)
	return b, cmp.Or(e.awaitObjectSync(name, ""), err)
}

// findBucket is Bucket without waiting for the disk.
func (e *Engine) findBucket(name string) (*Bucket, error) {
	b, ok := e.buckets.Load(name)
	if !ok {
		return nil, noSuchBucket(name)
	}
	return b.(*Bucket), nil
}

// loadBuckets reads all buckets.
func (e *Engine) loadBuckets() error {
	list, err := e.ListBuckets()
	for i := range list {
		e.buckets.Store(list[i].Name, &list[i])
	}
	return err
}

// ListBuckets lists all buckets by name.
func (e *Engine) ListBuckets() ([]Bucket, error) {
	list, err := e.listBuckets()
	return list, cmp.Or(e.awaitAllSync(), err)
}

func (e *Engine) listBuckets() ([]Bucket, error) {
	var list []Bucket
	prefix := bucketKey("")
	err := e.Keys.Scan(prefix, prefixEnd(prefix), func(_, v []byte) (bool, error) {
		var b Bucket
		err := decode(v, &b)
		list = append(list, b)
		return true, err
	})
	return list, err
}

// DeleteBucket deletes an empty bucket and its unfinished uploads.
// Errors: NoSuchBucket, BucketNotEmpty.
func (e *Engine) DeleteBucket(name string) error {
	return e.update(func(b *batch) (drop []Part, err error) {
		bucket, err := e.findBucket(name)
		if err != nil {
			return nil, err
		}
		empty := true
		prefix := objectKey(name, "")
		err = e.Keys.Scan(prefix, prefixEnd(prefix), func(_, v []byte) (bool, error) {
			var o Object
			if err := decodeObject(v, &o); err != nil {
				return false, err
			}
			if !bucket.expired(&o, e.Now()) {
				empty = false
				return false, nil
			}
			b.deleteObject(name, o.Key)
			drop = append(drop, o.Parts...)
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		if !empty {
			return nil, newError(409, "BucketNotEmpty", "The bucket you tried to delete is not empty", "BucketName", name)
		}
		uploads, err := e.deleteUploads(b, name, func(*MultipartUpload) bool { return true })
		b.deleteBucket(name)
		return append(drop, uploads...), err
	})
}

// PutBucketOwnershipControls sets a bucket's object ownership; "" removes it.
// Errors: NoSuchBucket.
func (e *Engine) PutBucketOwnershipControls(bucket, ownership string) error {
	return e.updateBucket(bucket, func(b *Bucket) { b.Ownership = ownership })
}

// PutPublicAccessBlock sets a bucket's public access block; nil removes it.
// Errors: NoSuchBucket.
func (e *Engine) PutPublicAccessBlock(bucket string, block *PublicAccessBlock) error {
	return e.updateBucket(bucket, func(b *Bucket) { b.PublicAccess = block })
}

// PutBucketKey sets whether a bucket's default encryption uses a bucket key.
// Errors: NoSuchBucket.
func (e *Engine) PutBucketKey(bucket string, enabled bool) error {
	return e.updateBucket(bucket, func(b *Bucket) { b.BucketKey = enabled })
}

// updateBucket changes a bucket's configuration.
func (e *Engine) updateBucket(name string, change func(*Bucket)) error {
	return e.update(func(b *batch) ([]Part, error) {
		old, err := e.findBucket(name)
		if err != nil {
			return nil, err
		}
		bucket := *old
		change(&bucket)
		return nil, b.setBucket(&bucket)
	})
}
