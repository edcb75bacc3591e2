package localstack

import (
	"net/http"

	"github.com/errandhq/errand/localstack/internal/dynamodb/dynamodbwire"
)

// metered is DynamoDB's handler, whose calls are counted with the units that
// they are billed.
func (s *Stack) metered() http.Handler {
	h := dynamodbwire.New(s.services.dynamodb, dynamodbwire.Options{Billed: func(operation string, units float64) {
		u := Usage{ReadUnits: units}
		if writes[operation] {
			u = Usage{WriteUnits: units}
		}
		s.usage.add("dynamodb."+operation, u)
	}})
	return s.counted("dynamodb", targetOperation, h)
}

// writes are the operations that are billed as writes.
var writes = map[string]bool{
	"PutItem": true, "UpdateItem": true, "DeleteItem": true, "BatchWriteItem": true, "TransactWriteItems": true,
}
