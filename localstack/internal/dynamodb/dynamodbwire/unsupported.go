package dynamodbwire

import (
	"net/http"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// unsupportedOperations are AWS's operations that fail here (the SDK's list of
// November 2026), by the feature that they belong to.
var unsupportedOperations = map[string]string{
	"PartiQL is":               "BatchExecuteStatement ExecuteStatement ExecuteTransaction",
	"backups are":              "CreateBackup DeleteBackup DescribeBackup ListBackups RestoreTableFromBackup DescribeContinuousBackups UpdateContinuousBackups RestoreTableToPointInTime",
	"global tables are":        "CreateGlobalTable DescribeGlobalTable DescribeGlobalTableSettings ListGlobalTables UpdateGlobalTable UpdateGlobalTableSettings DescribeTableReplicaAutoScaling UpdateTableReplicaAutoScaling",
	"export and import are":    "DescribeExport ExportTableToPointInTime ListExports DescribeImport ImportTable ListImports",
	"contributor insights are": "DescribeContributorInsights ListContributorInsights UpdateContributorInsights",
	"Kinesis streaming is":     "DescribeKinesisStreamingDestination DisableKinesisStreamingDestination EnableKinesisStreamingDestination UpdateKinesisStreamingDestination",
	"bulk operations are":      "CancelBulkOperation DescribeBulkOperation ListBulkOperations StartBulkPutItems",
	"vector search is":         "SearchVectors",
	"resource policies are":    "DeleteResourcePolicy GetResourcePolicy PutResourcePolicy",
}

// streamsPrefix is the target of DynamoDB Streams, a service of its own.
const streamsPrefix = "DynamoDBStreams_20120810."

// unknownOperation is the error for an operation that isn't supported. AWS's own
// has no message; that for an operation of AWS's names it.
func unknownOperation(target string) *awswire.Error {
	e := &awswire.Error{Status: http.StatusBadRequest, Code: "UnknownOperationException"}
	if name, ok := strings.CutPrefix(target, streamsPrefix); ok {
		e.Message = "streams are not supported here: " + name
	}
	name, ok := strings.CutPrefix(target, targetPrefix)
	for feature, names := range unsupportedOperations {
		if ok && strings.Contains(" "+names+" ", " "+name+" ") {
			e.Message = feature + " not supported here: " + name
		}
	}
	return e
}
