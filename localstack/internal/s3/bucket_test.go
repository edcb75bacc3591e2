package s3_test

import (
	"strings"
	"testing"

	"github.com/errandhq/errand/localstack/internal/s3"
)

func TestValidBucketName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"": false, "ab": false, "abc": true, strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
		"a-b.c": true, "1.2.3": true, "1.2.3.4": false, "1.2.3.4.5": true, "1.2.3.x": true, "a..b": false,
		"-ab": false, "ab-": false, ".ab": false, "ab.": false, "aBc": false, "a_c": false, "a/c": false, "aéc": false, "a\nc": false, "abc\n": false,
	} {
		if got := s3.ValidBucketName(name); got != want {
			t.Errorf("%q is valid: %v", name, got)
		}
	}
}
