package dynamodb

// KeysAndAttributes is what BatchGetItem reads of one table.
type KeysAndAttributes struct {
	Keys                     []Item            `aws:"notnull,min=1,max=100"`
	AttributesToGet          []string          `json:",omitempty" aws:"min=1,max=255"`
	ConsistentRead           bool              `json:",omitzero"`
	ProjectionExpression     *string           `json:",omitzero"`
	ExpressionAttributeNames map[string]string `json:",omitempty"`
}

// BatchGetItemInput reads up to 100 items.
type BatchGetItemInput struct {
	ReturnConsumedCapacity string                       `aws:"enum=INDEXES TOTAL NONE"`
	RequestItems           map[string]KeysAndAttributes `aws:"notnull,min=1,keys"`
}

// BatchGetItemOutput has the items found, and the unprocessed keys: see
// maxBatchPartition.
type BatchGetItemOutput struct {
	Bill             `json:"-"`
	Responses        map[string][]Item
	UnprocessedKeys  map[string]KeysAndAttributes
	ConsumedCapacity []ConsumedCapacity `json:",omitempty"`
}

// PutRequest and DeleteRequest are the writes of a batch.
type PutRequest struct {
	Item Item `aws:"notnull"`
}

// DeleteRequest removes an item.
type DeleteRequest struct {
	Key Item `aws:"notnull"`
}

// WriteRequest is one of the two.
type WriteRequest struct {
	DeleteRequest *DeleteRequest `json:",omitzero"`
	PutRequest    *PutRequest    `json:",omitzero"`
}

// BatchWriteItemInput writes up to 25 items.
type BatchWriteItemInput struct {
	ReturnConsumedCapacity      string                    `aws:"enum=INDEXES TOTAL NONE"`
	ReturnItemCollectionMetrics string                    `aws:"enum=SIZE NONE"`
	RequestItems                map[string][]WriteRequest `aws:"notnull,min=1,keys,values=25"`
}

// BatchWriteItemOutput never has anything unprocessed.
type BatchWriteItemOutput struct {
	Bill                  `json:"-"`
	UnprocessedItems      map[string][]WriteRequest
	ConsumedCapacity      []ConsumedCapacity                 `json:",omitempty"`
	ItemCollectionMetrics map[string][]ItemCollectionMetrics `json:",omitempty"` // by table
}

// TransactGet reads an item in a transaction.
type TransactGet struct {
	Key                      Item    `aws:"notnull"`
	TableName                *string `aws:"notnull,pattern,min=3,max=255"`
	ProjectionExpression     *string
	ExpressionAttributeNames map[string]string
}

// TransactGetItem holds a Get.
type TransactGetItem struct {
	Get *TransactGet `aws:"notnull"`
}

// TransactGetItemsInput reads up to 100 items of one moment.
type TransactGetItemsInput struct {
	TransactItems          []TransactGetItem `aws:"notnull,min=1,max=100"`
	ReturnConsumedCapacity string            `aws:"enum=INDEXES TOTAL NONE"`
}

// ItemResponse has an item, nil if there is none.
type ItemResponse struct {
	Item Item `json:",omitzero"`
}

// TransactGetItemsOutput has the items in the order of the request.
type TransactGetItemsOutput struct {
	Bill             `json:"-"`
	Responses        []ItemResponse
	ConsumedCapacity []ConsumedCapacity `json:",omitempty"`
}

// TransactAction is any action of a transaction. Put uses Item, the others Key, and
// Update UpdateExpression.
type TransactAction struct {
	TableName                           *string `aws:"notnull,pattern,min=3,max=255"`
	Item                                Item
	Key                                 Item
	UpdateExpression                    *string
	ConditionExpression                 *string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           Item
	ReturnValuesOnConditionCheckFailure string `aws:"enum=ALL_OLD NONE"`
}

// TransactWriteItem holds one action.
type TransactWriteItem struct {
	ConditionCheck *TransactAction
	Put            *TransactAction
	Delete         *TransactAction
	Update         *TransactAction
}

// TransactWriteItemsInput has up to 100 actions.
type TransactWriteItemsInput struct {
	ReturnConsumedCapacity      string              `aws:"enum=INDEXES TOTAL NONE"`
	ReturnItemCollectionMetrics string              `aws:"enum=SIZE NONE"`
	ClientRequestToken          *string             `aws:"min=1,max=36"`
	TransactItems               []TransactWriteItem `aws:"notnull,min=1,max=100"`
}

type TransactWriteItemsOutput struct {
	Bill                  `json:"-"`
	ConsumedCapacity      []ConsumedCapacity                 `json:",omitempty"`
	ItemCollectionMetrics map[string][]ItemCollectionMetrics `json:",omitempty"` // by table
}

// CancellationReason is the reason of one action of a cancelled transaction. Code is
// None if it didn't fail.
type CancellationReason struct {
	Code    string
	Message string `json:",omitempty"`
	Item    Item   `json:",omitempty"`
}
