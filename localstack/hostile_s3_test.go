package localstack

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestHostileBucket: bodies are cut both ways; what is there is whole.
func TestHostileBucket(t *testing.T) {
	w := startHostile(t, 6)
	ctx := t.Context()
	bucket := aws.String("bucket")
	if _, err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket}); err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("0123456789abcdef", 4<<10)
	cut := 0
	for i := range 150 {
		key := aws.String(fmt.Sprint("k", i))
		if _, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
		for {
			out := must[*s3.GetObjectOutput](t)(w.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key}))
			got, err := io.ReadAll(out.Body)
			out.Body.Close()
			if err != nil {
				cut++
				if len(got) >= len(body) {
					t.Errorf("%d bytes came, and then %v", len(got), err)
				}
				continue
			}
			if string(got) != body {
				t.Fatalf("object %d: %d bytes, want %d", i, len(got), len(body))
			}
			break
		}
	}
	if cut == 0 {
		t.Error("no answer was cut")
	}
	w.seen(of("s3", "cutRequest", "cutAnswer")...)
}
