package dynamodb

// The shapes here and in types_item.go are AWS's, by its member names. A nil
// pointer, map or slice and an empty enum are members that are absent. The aws
// tags are AWS's constraints on input: see validate.go.

// Unsupported is a member of AWS's API that isn't supported: a request that has it
// fails with the member's name.
type Unsupported bool

// AttributeDefinition gives a key attribute its type: S, N or B.
type AttributeDefinition struct {
	AttributeName *string `aws:"notnull,min=1,max=255"`
	AttributeType *string `aws:"notnull,enum=B N S"`
}

// KeySchemaElement is one attribute of a key: HASH or RANGE.
type KeySchemaElement struct {
	AttributeName *string `aws:"notnull,min=1,max=255"`
	KeyType       *string `aws:"notnull,enum=HASH RANGE"`
}

// Projection says which attributes an index holds: ALL, KEYS_ONLY, or those
// that INCLUDE names beside the keys.
type Projection struct {
	ProjectionType   string   `json:",omitempty" aws:"enum=ALL INCLUDE KEYS_ONLY"`
	NonKeyAttributes []string `json:",omitempty" aws:"min=1,max=20,members=255"`
}

// Throughput is provisioned capacity, in units a second.
type Throughput struct {
	WriteCapacityUnits     *int64   `aws:"notnull,min=1"`
	ReadCapacityUnits      *int64   `aws:"notnull,min=1"`
	NumberOfDecreasesToday int64    // output
	LastIncreaseDateTime   *float64 `json:",omitzero"` // output; Unix seconds
	LastDecreaseDateTime   *float64 `json:",omitzero"` // output; Unix seconds
}

// OnDemandThroughput are the maximums of a table or global index in on-demand mode, in
// units a second. They are stored, and have no effect here.
type OnDemandThroughput struct {
	MaxReadRequestUnits  *int64 `json:",omitzero"`
	MaxWriteRequestUnits *int64 `json:",omitzero"`
}

// Index is a secondary index. The throughputs are a global one's.
type Index struct {
	IndexName             *string            `aws:"notnull,pattern,min=3,max=255"`
	KeySchema             []KeySchemaElement `aws:"notnull,min=1,max=8"`
	Projection            *Projection        `aws:"notnull"`
	ProvisionedThroughput *Throughput        `json:",omitzero"`

	IndexArn       string `json:",omitempty"` // output
	IndexStatus    string `json:",omitempty"` // output, of a global index
	Backfilling    *bool  `json:",omitzero"`  // output, of a global index that is being made
	IndexSizeBytes int64  // output
	ItemCount      int64  // output

	OnDemandThroughput *OnDemandThroughput `json:",omitzero"`
	WarmThroughput     *WarmThroughput     `json:",omitzero"`
}

// LocalIndex is a local Index: AWS has a shape for each.
type LocalIndex Index

// Tag is a key and a value on a table.
type Tag struct {
	Key   *string
	Value *string
}

// StreamSpecification switches streams, which aren't supported: it can only be off.
type StreamSpecification struct {
	StreamEnabled  *bool  `aws:"notnull"`
	StreamViewType string `aws:"enum=NEW_IMAGE OLD_IMAGE NEW_AND_OLD_IMAGES KEYS_ONLY"`
}

// CreateTableInput describes a new table.
type CreateTableInput struct {
	AttributeDefinitions      []AttributeDefinition `aws:"notnull"`
	TableName                 *string               `aws:"required,table,pattern"`
	BillingMode               string                `aws:"enum=PROVISIONED PAY_PER_REQUEST"`
	ProvisionedThroughput     *Throughput
	KeySchema                 []KeySchemaElement `aws:"notnull,min=1,max=2"`
	LocalSecondaryIndexes     []LocalIndex
	GlobalSecondaryIndexes    []Index
	Tags                      []Tag
	DeletionProtectionEnabled bool
	StreamSpecification       *StreamSpecification
	SSESpecification          *SSESpecification
	TableClass                string `aws:"enum=STANDARD STANDARD_INFREQUENT_ACCESS"`
	OnDemandThroughput        *OnDemandThroughput
	WarmThroughput            *WarmThroughput

	GlobalTableSettingsReplicationMode Unsupported
	GlobalTableSourceArn               Unsupported
	ResourcePolicy                     Unsupported
	VectorIndexes                      Unsupported
}

// BillingModeSummary is the billing mode, if it was ever on-demand.
type BillingModeSummary struct {
	BillingMode                       string
	LastUpdateToPayPerRequestDateTime *float64 `json:",omitzero"`
}

// ThroughputMode repeats the mode of BillingModeSummary.
type ThroughputMode struct {
	TableThroughputMode               string
	LastUpdateToPayPerRequestDateTime *float64 `json:",omitzero"`
}

// WarmThroughput is what a table or global index can serve at once, in units a second.
type WarmThroughput struct {
	ReadUnitsPerSecond  *int64 `json:",omitzero" aws:"min=1"`
	WriteUnitsPerSecond *int64 `json:",omitzero" aws:"min=1"`
	Status              string `json:",omitempty"` // output
}

// TableDescription is the description of a table. ItemCount and TableSizeBytes are
// up to six hours old, as on AWS.
type TableDescription struct {
	AttributeDefinitions       []AttributeDefinition `json:",omitempty"` // not of DeleteTable
	TableName                  string
	KeySchema                  []KeySchemaElement `json:",omitempty"` // not of DeleteTable
	TableStatus                string
	CreationDateTime           float64 `json:",omitzero"` // Unix seconds; not of DeleteTable
	ProvisionedThroughput      *Throughput
	TableSizeBytes             int64
	ItemCount                  int64
	TableArn                   string
	TableId                    string
	BillingModeSummary         *BillingModeSummary `json:",omitzero"`
	TableThroughputModeSummary *ThroughputMode     `json:",omitzero"`
	LocalSecondaryIndexes      []LocalIndex        `json:",omitempty"`
	GlobalSecondaryIndexes     []Index             `json:",omitempty"`
	DeletionProtectionEnabled  bool
	TableClassSummary          *TableClassSummary  `json:",omitzero"`
	SSEDescription             *SSEDescription     `json:",omitzero"`
	OnDemandThroughput         *OnDemandThroughput `json:",omitzero"`
	WarmThroughput             *WarmThroughput     `json:",omitzero"` // of DescribeTable, or as it was requested
}

// TableClassSummary is a table's class, if one was chosen.
type TableClassSummary struct {
	TableClass         string
	LastUpdateDateTime *float64 `json:",omitzero"` // Unix seconds
}

// TableNameInput is the input of the operations that take a table's name only.
type TableNameInput struct {
	TableName *string `aws:"required,table,pattern"`
}

// CreateTableOutput is the response of CreateTable and DeleteTable.
type CreateTableOutput struct{ TableDescription *TableDescription }

// DescribeTableOutput is the response of DescribeTable.
type DescribeTableOutput struct{ Table *TableDescription }

// ListTablesInput asks for a page of names.
type ListTablesInput struct {
	Limit                   *int32  `aws:"min=1,max=100"`
	ExclusiveStartTableName *string `aws:"pattern,min=3,max=255"`
}

// ListTablesOutput is a page of names, in order.
type ListTablesOutput struct {
	TableNames             []string
	LastEvaluatedTableName *string `json:",omitzero"`
}

// TTLSpecification names the attribute that holds an item's expiry, in
// Unix seconds.
type TTLSpecification struct {
	AttributeName *string `aws:"notnull,min=1,max=255"`
	Enabled       *bool   `aws:"notnull"`
}

// UpdateTimeToLiveInput switches TTL.
type UpdateTimeToLiveInput struct {
	TableName               *string           `aws:"required,table,pattern"`
	TimeToLiveSpecification *TTLSpecification `aws:"notnull"`
}

// UpdateTimeToLiveOutput repeats what was asked.
type UpdateTimeToLiveOutput struct{ TimeToLiveSpecification *TTLSpecification }

// TTLDescription says whether TTL is on, and by which attribute.
type TTLDescription struct {
	TimeToLiveStatus string
	AttributeName    string `json:",omitempty"`
}

// DescribeTimeToLiveOutput is the response of DescribeTimeToLive.
type DescribeTimeToLiveOutput struct{ TimeToLiveDescription *TTLDescription }
