// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

package s3

import (
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
)

func newError(status int, code, message string, fields ...any) *awswire.Error {
	e := &awswire.Error{Status: status, Code: code, Message: message}
	if len(fields) > 0 {
		e.Fields = map[string]any{}
	}
	for i := 0; i < len(fields); i += 2 {
		e.Fields[fields[i].(string)] = fields[i+1]
	}
	return e
}

func noSuchBucket(bucket string) error {
	return newError(404, "NoSuchBucket", "The specified bucket does not exist", "BucketName", bucket)
}

func noSuchKey(key string) error {
	return newError(404, "NoSuchKey", "The specified key does not exist.", "Key", key)
}

func noSuchUpload(id string) error {
	return newError(404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", "UploadId", id)
}

func preconditionFailed(condition string) error {
	return newError(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", "Condition", condition)
}

func badDigest(what string) error {
	return newError(400, "BadDigest", "The "+what+" you specified did not match the calculated checksum.")
}

func invalidArgument(name, value, message string) error {
	return newError(400, "InvalidArgument", message, "ArgumentName", name, "ArgumentValue", value)
}

// insufficientStorage isn't an error of S3's, which has none for a full disk:
// other servers of its protocol return it.
func insufficientStorage(cause error) error {
	return engine.DiskFull(cause)
}
