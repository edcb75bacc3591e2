package s3wire_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (w *world) attributes(t testing.TB, key string, opts ...func(*awss3.GetObjectAttributesInput)) *awss3.GetObjectAttributesOutput {
	t.Helper()
	in := &awss3.GetObjectAttributesInput{Bucket: aws.String("bkt"), Key: &key, ObjectAttributes: types.ObjectAttributesEtag.Values()}
	for _, o := range opts {
		o(in)
	}
	out, err := w.GetObjectAttributes(ctx, in)
	check(t, err)
	return out
}

func TestObjectAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	w.put(t, "k", "hello", func(in *awss3.PutObjectInput) { in.StorageClass = types.StorageClassStandardIa })
	a := w.attributes(t, "k")
	if *a.ETag != "5d41402abc4b2a76b9719d911017c592" || *a.ObjectSize != 5 || a.StorageClass != types.StorageClassStandardIa || *a.Checksum.ChecksumCRC32 != "NhCmhg==" || a.ObjectParts != nil {
		t.Errorf("attributes %+v, checksum %+v", a, a.Checksum)
	}
	_, err := w.GetObjectAttributes(ctx, &awss3.GetObjectAttributesInput{Bucket: aws.String("bkt"), Key: aws.String("k"), ObjectAttributes: []types.ObjectAttributes{"Colour"}})
	wantError(t, err, "InvalidArgument")
}

// Parts are listed, page by page, where each has a checksum that counts.
func TestPartAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, config{})
	data := noise(10<<20 + 1)
	parts := [][]byte{data[:5<<20], data[5<<20 : 10<<20], data[10<<20:]}
	_, err := w.CompleteMultipartUpload(ctx, w.upload(t, "composite", parts, func(in *awss3.CreateMultipartUploadInput) {
		in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256
	}))
	check(t, err)
	a := w.attributes(t, "composite", func(in *awss3.GetObjectAttributesInput) { in.MaxParts = aws.Int32(2) })
	if p := a.ObjectParts; *p.TotalPartsCount != 3 || len(p.Parts) != 2 || !*p.IsTruncated || *p.NextPartNumberMarker != "2" || *p.Parts[0].Size != 5<<20 {
		t.Errorf("parts %+v", p)
	}
	a = w.attributes(t, "composite", func(in *awss3.GetObjectAttributesInput) { in.PartNumberMarker = a.ObjectParts.NextPartNumberMarker })
	last := a.ObjectParts.Parts
	if len(last) != 1 || *last[0].PartNumber != 3 || *a.ObjectParts.IsTruncated {
		t.Fatalf("parts %+v", a.ObjectParts)
	}
	// The same checksum comes with the part itself; the SDK checks it.
	_, out := w.get(t, "composite", func(in *awss3.GetObjectInput) {
		in.PartNumber, in.ChecksumMode = aws.Int32(3), types.ChecksumModeEnabled
	})
	if aws.ToString(out.ChecksumSHA256) != *last[0].ChecksumSHA256 || out.ChecksumType != types.ChecksumTypeComposite {
		t.Errorf("part 3 came with %q, it has %q", aws.ToString(out.ChecksumSHA256), *last[0].ChecksumSHA256)
	}
	// With no algorithm asked for, whatever the parts were sent with, the
	// object has a CRC64NVME of the whole.
	done, err := w.CompleteMultipartUpload(ctx, w.upload(t, "default", parts, nil))
	check(t, err)
	a = w.attributes(t, "default")
	if a.Checksum.ChecksumCRC64NVME == nil || *done.ChecksumCRC64NVME != *a.Checksum.ChecksumCRC64NVME || len(a.ObjectParts.Parts) != 0 || *a.ObjectParts.TotalPartsCount != 3 {
		t.Errorf("attributes %+v, checksum %+v", a.ObjectParts, a.Checksum)
	}
	w.get(t, "default", func(in *awss3.GetObjectInput) { in.ChecksumMode = types.ChecksumModeEnabled })
}
