package sqs

import (
	"errors"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// checkBatch checks the IDs of the entries of any batch.
func checkBatch(entry string, ids []string) error {
	if len(ids) == 0 {
		return errorf(codeEmptyBatch, "There should be at least one %s in the request.", entry)
	}
	if len(ids) > maxBatchEntries {
		return errorf(codeTooManyEntries, "Maximum number of entries per request are %d. You have sent %d.", maxBatchEntries, len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if !isName(id) {
			return errorf(codeInvalidBatchID, "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return errorf(codeBatchIDsNotDistinct, "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// forEachEntry calls run for each entry of a batch. An error that isn't an
// *awswire.Error fails the whole batch.
func forEachEntry(ids []string, run func(i int) error) (failed []BatchResultErrorEntry, err error) {
	for i, id := range ids {
		err := run(i)
		if err == nil {
			continue
		}
		var answer *awswire.Error
		if !errors.As(err, &answer) {
			return nil, err
		}
		failed = append(failed, BatchResultErrorEntry{
			Id: id, SenderFault: answer.Status < 500, Code: QueryCode(answer.Code), Message: answer.Message,
		})
	}
	return failed, nil
}
