package dynamodb

// UpdateTableInput changes a table. At most one index can be created or deleted
// in one call.
type UpdateTableInput struct {
	AttributeDefinitions        []AttributeDefinition
	TableName                   *string `aws:"required,table,pattern"`
	BillingMode                 string  `aws:"enum=PROVISIONED PAY_PER_REQUEST"`
	ProvisionedThroughput       *Throughput
	GlobalSecondaryIndexUpdates []IndexUpdate
	StreamSpecification         *StreamSpecification
	SSESpecification            *SSESpecification
	TableClass                  string `aws:"enum=STANDARD STANDARD_INFREQUENT_ACCESS"`
	DeletionProtectionEnabled   *bool
	OnDemandThroughput          *OnDemandThroughput
	WarmThroughput              *WarmThroughput

	DisassociationProtectionEnabled    Unsupported
	GlobalTableSettingsReplicationMode Unsupported
	GlobalTableWitnessUpdates          Unsupported
	MultiRegionConsistency             Unsupported
	ReplicaUpdates                     Unsupported
	VectorIndexUpdates                 Unsupported
}

// IndexUpdate has one change of a global secondary index.
type IndexUpdate struct {
	Update *UpdateIndex
	Create *CreateIndex
	Delete *DeleteIndex
}

// UpdateIndex changes an index's throughputs: at least one of them.
type UpdateIndex struct {
	IndexName             *string     `aws:"notnull,pattern,min=3,max=255"`
	ProvisionedThroughput *Throughput `aws:"notnull,unless=OnDemandThroughput WarmThroughput"`
	OnDemandThroughput    *OnDemandThroughput
	WarmThroughput        *WarmThroughput
}

// CreateIndex adds an index to a table that may have items.
type CreateIndex struct {
	Projection            *Projection `aws:"notnull"`
	IndexName             *string     `aws:"notnull,pattern,min=3,max=255"`
	ProvisionedThroughput *Throughput
	KeySchema             []KeySchemaElement `aws:"notnull,min=1,max=8"`
	OnDemandThroughput    *OnDemandThroughput
	WarmThroughput        *WarmThroughput
}

func (c *CreateIndex) index() Index {
	return Index{IndexName: c.IndexName, KeySchema: c.KeySchema, Projection: c.Projection, ProvisionedThroughput: c.ProvisionedThroughput,
		OnDemandThroughput: c.OnDemandThroughput, WarmThroughput: c.WarmThroughput}
}

// DeleteIndex removes an index.
type DeleteIndex struct {
	IndexName *string `aws:"notnull,pattern,min=3,max=255"`
}

// name returns the index that the change is for, "" if there is no change.
func (u IndexUpdate) name() string {
	switch {
	case u.Update != nil:
		return *u.Update.IndexName
	case u.Create != nil:
		return *u.Create.IndexName
	case u.Delete != nil:
		return *u.Delete.IndexName
	}
	return ""
}

// provisions reports whether u gives an index units, or deletes it.
func (u IndexUpdate) provisions(index string) bool {
	return u.name() == index && (u.Delete != nil || u.Update != nil && u.Update.ProvisionedThroughput != nil)
}

// isAmbiguous reports whether there is more than one change.
func (u IndexUpdate) isAmbiguous() bool {
	return u.Update != nil && (u.Create != nil || u.Delete != nil) || u.Create != nil && u.Delete != nil
}

// UpdateTableOutput has the table's description at the start of the change.
type UpdateTableOutput struct{ TableDescription *TableDescription }
