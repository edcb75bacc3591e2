package dynamodb

import "github.com/errandhq/errand/localstack/internal/dynamodb/value"

// Item is an item or a key: attribute values by name.
type Item = value.Item

// Expected is a legacy condition on one attribute.
type Expected struct {
	AttributeValueList []value.Value
	ComparisonOperator string `aws:"enum=IN NULL BETWEEN LT NOT_CONTAINS EQ GT NOT_NULL NE LE BEGINS_WITH GE CONTAINS"`
	Exists             *bool
	Value              *value.Value
}

// ConditionInput is a legacy filter or key condition.
type ConditionInput struct {
	AttributeValueList []value.Value
	ComparisonOperator *string `aws:"notnull,enum=IN NULL BETWEEN LT NOT_CONTAINS EQ GT NOT_NULL NE LE BEGINS_WITH GE CONTAINS"`
}

// AttributeUpdate is a legacy change: PUT, ADD or DELETE.
type AttributeUpdate struct {
	Action *string `aws:"enum=ADD PUT DELETE"`
	Value  *value.Value
}

// Capacity is a number of units; for transactions also by kind.
type Capacity struct {
	CapacityUnits      float64
	ReadCapacityUnits  *float64 `json:",omitzero"`
	WriteCapacityUnits *float64 `json:",omitzero"`
}

// ConsumedCapacity is what an operation was billed.
type ConsumedCapacity struct {
	TableName              string
	CapacityUnits          float64
	ReadCapacityUnits      *float64            `json:",omitzero"`  // of transactions
	WriteCapacityUnits     *float64            `json:",omitzero"`  // of transactions
	Table                  *Capacity           `json:",omitzero"`  // with INDEXES
	LocalSecondaryIndexes  map[string]Capacity `json:",omitempty"` // with INDEXES
	GlobalSecondaryIndexes map[string]Capacity `json:",omitempty"` // with INDEXES
}

// PutItemInput writes a whole item.
type PutItemInput struct {
	ReturnConsumedCapacity              string  `aws:"enum=INDEXES TOTAL NONE"`
	TableName                           *string `aws:"notnull,pattern,min=3,max=255"`
	Item                                Item    `aws:"notnull"`
	ConditionalOperator                 string  `aws:"enum=OR AND"`
	Expected                            map[string]Expected
	ReturnValues                        string `aws:"enum=ALL_NEW UPDATED_OLD ALL_OLD NONE UPDATED_NEW"`
	ReturnItemCollectionMetrics         string `aws:"enum=SIZE NONE"`
	ConditionExpression                 *string
	ExpressionAttributeValues           Item
	ExpressionAttributeNames            map[string]string
	ReturnValuesOnConditionCheckFailure string `aws:"enum=ALL_OLD NONE"`
}

// DeleteItemInput removes an item.
type DeleteItemInput struct {
	ReturnConsumedCapacity              string  `aws:"enum=INDEXES TOTAL NONE"`
	TableName                           *string `aws:"notnull,pattern,min=3,max=255"`
	ReturnItemCollectionMetrics         string  `aws:"enum=SIZE NONE"`
	ReturnValues                        string  `aws:"enum=ALL_NEW UPDATED_OLD ALL_OLD NONE UPDATED_NEW"`
	Key                                 Item    `aws:"notnull"`
	ConditionalOperator                 string  `aws:"enum=OR AND"`
	Expected                            map[string]Expected
	ConditionExpression                 *string
	ExpressionAttributeValues           Item
	ExpressionAttributeNames            map[string]string
	ReturnValuesOnConditionCheckFailure string `aws:"enum=ALL_OLD NONE"`
}

// UpdateItemInput changes or creates an item.
type UpdateItemInput struct {
	ReturnConsumedCapacity              string  `aws:"enum=INDEXES TOTAL NONE"`
	TableName                           *string `aws:"notnull,pattern,min=3,max=255"`
	ReturnItemCollectionMetrics         string  `aws:"enum=SIZE NONE"`
	ReturnValues                        string  `aws:"enum=ALL_NEW UPDATED_OLD ALL_OLD NONE UPDATED_NEW"`
	Key                                 Item    `aws:"notnull"`
	ConditionalOperator                 string  `aws:"enum=OR AND"`
	Expected                            map[string]Expected
	AttributeUpdates                    map[string]AttributeUpdate
	ConditionExpression                 *string
	UpdateExpression                    *string
	ExpressionAttributeValues           Item
	ExpressionAttributeNames            map[string]string
	ReturnValuesOnConditionCheckFailure string `aws:"enum=ALL_OLD NONE"`
}

type WriteOutput struct {
	Bill                  `json:"-"`
	Attributes            Item                   `json:",omitempty"`
	ConsumedCapacity      *ConsumedCapacity      `json:",omitzero"`
	ItemCollectionMetrics *ItemCollectionMetrics `json:",omitzero"`
}

// ItemCollectionMetrics is the size of the items with one partition key, with their
// entries in local indexes: a range in gigabytes.
type ItemCollectionMetrics struct {
	ItemCollectionKey   Item
	SizeEstimateRangeGB [2]float64
}

// GetItemInput reads an item.
type GetItemInput struct {
	ReturnConsumedCapacity   string   `aws:"enum=INDEXES TOTAL NONE"`
	AttributesToGet          []string `aws:"min=1,max=255"`
	TableName                *string  `aws:"notnull,pattern,min=3,max=255"`
	Key                      Item     `aws:"notnull"`
	ConsistentRead           bool
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
}

// GetItemOutput has the item; nil if there is none.
type GetItemOutput struct {
	Bill             `json:"-"`
	Item             Item              `json:",omitzero"`
	ConsumedCapacity *ConsumedCapacity `json:",omitzero"`
}

// QueryInput reads the items of one partition, in order.
type QueryInput struct {
	Select                    string  `aws:"enum=SPECIFIC_ATTRIBUTES COUNT ALL_ATTRIBUTES ALL_PROJECTED_ATTRIBUTES"`
	IndexName                 *string `aws:"pattern,min=3,max=255"`
	ReturnConsumedCapacity    string  `aws:"enum=INDEXES TOTAL NONE"`
	QueryFilter               map[string]ConditionInput
	TableName                 *string  `aws:"notnull,pattern,min=3,max=255"`
	ConditionalOperator       string   `aws:"enum=OR AND"`
	AttributesToGet           []string `aws:"min=1,max=255"`
	Limit                     *int32   `aws:"min=1"`
	KeyConditions             map[string]ConditionInput
	ExclusiveStartKey         Item
	ConsistentRead            bool
	ScanIndexForward          *bool
	KeyConditionExpression    *string
	FilterExpression          *string
	ProjectionExpression      *string
	ExpressionAttributeValues Item
	ExpressionAttributeNames  map[string]string
}

// ScanInput reads a whole table or index, or a segment of it.
type ScanInput struct {
	Select                    string  `aws:"enum=SPECIFIC_ATTRIBUTES COUNT ALL_ATTRIBUTES ALL_PROJECTED_ATTRIBUTES"`
	IndexName                 *string `aws:"pattern,min=3,max=255"`
	TotalSegments             *int32  `aws:"min=1,max=1000000"`
	ReturnConsumedCapacity    string  `aws:"enum=INDEXES TOTAL NONE"`
	TableName                 *string `aws:"notnull,pattern,min=3,max=255"`
	ConditionalOperator       string  `aws:"enum=OR AND"`
	ScanFilter                map[string]ConditionInput
	Segment                   *int32   `aws:"min=0,max=999999"`
	Limit                     *int32   `aws:"min=1"`
	AttributesToGet           []string `aws:"min=1,max=255"`
	ExclusiveStartKey         Item
	ConsistentRead            bool
	FilterExpression          *string
	ProjectionExpression      *string
	ExpressionAttributeValues Item
	ExpressionAttributeNames  map[string]string
}

// PageOutput is the response of Query and Scan. Count is the number of items that
// passed the filter, ScannedCount the number of items read.
type PageOutput struct {
	Bill             `json:"-"`
	Items            []Item `json:",omitzero"` // nil with Select COUNT
	Count            int
	ScannedCount     int
	LastEvaluatedKey Item              `json:",omitempty"`
	ConsumedCapacity *ConsumedCapacity `json:",omitzero"`
}
