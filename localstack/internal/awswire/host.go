// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html

package awswire

import "strings"

// bucketDomains are hosts whose subdomains name buckets. The last ones are for users
// of LocalStack; DNS resolves them to 127.0.0.1.
var bucketDomains = []string{".s3.amazonaws.com", ".s3.localhost", ".localhost", ".s3.localhost.localstack.cloud", ".localhost.localstack.cloud"}

// HostBucket returns the S3 bucket that a Host header names
// (bucket.s3.amazonaws.com); "" if the path has to name it.
func HostBucket(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	host = strings.ToLower(host)
	for _, d := range bucketDomains {
		if b, ok := strings.CutSuffix(host, d); ok && b != "s3" {
			return b
		}
	}
	if rest, ok := strings.CutSuffix(host, ".amazonaws.com"); ok {
		if i := strings.LastIndex(rest, ".s3."); i > 0 && !strings.Contains(rest[i+4:], ".") {
			return rest[:i]
		}
	}
	return ""
}
