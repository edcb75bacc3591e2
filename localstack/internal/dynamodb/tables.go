// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTables.html

package dynamodb

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// loadTables reads the definitions from the store.
func (e *Engine) loadTables() error {
	no, ok, err := e.Keys.Get([]byte{prefixLastTableNo})
	if err != nil {
		return err
	}
	if ok {
		e.lastNo = binary.BigEndian.Uint64(no)
	}
	return e.Keys.Scan([]byte{prefixDefinition}, []byte{prefixDefinition + 1}, func(k, v []byte) (bool, error) {
		var def definition
		if err := json.Unmarshal(v, &def); err != nil {
			return false, fmt.Errorf("read the definition of a table: %w", err)
		}
		e.tables[def.id()] = newTable(def, &inflight{})
		return true, nil
	})
}

func (d definition) id() tableID { return tableID{d.Region, d.Description.TableName} }

// redefine stores def as the table's definition, durably and in one batch with what
// the batch already contains. The caller holds e.mu for writing.
func (e *Engine) redefine(def definition, writes *inflight, also func(b batch)) (*table, error) {
	b := batch{e.Store.NewBatch(), e.Keys}
	v, err := json.Marshal(def)
	if err != nil {
		return nil, fmt.Errorf("keep the definition of a table: %w", err)
	}
	b.Set(definitionKey(def.id()), v)
	b.Set([]byte{prefixLastTableNo}, binary.BigEndian.AppendUint64(nil, e.lastNo))
	t := newTable(def, writes)
	if also != nil {
		also(b)
	}
	if err := b.b.Commit(); err != nil {
		return nil, err
	}
	e.tables[def.id()] = t
	return t, nil
}

// CreateTable creates a table. The response has the status CREATING, as on AWS, but
// the table is ACTIVE when CreateTable returns.
func (e *Engine) CreateTable(ctx context.Context, in *CreateTableInput) (*CreateTableOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := validateTags(in.Tags); err != nil {
		return nil, err
	}
	id, ok := tableIn(ctx, *in.TableName)
	if !ok {
		return nil, invalid("Invalid TableArn: a table of another region or account can't be created here: %s", *in.TableName)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.tables[id]; ok {
		return nil, badRequest("ResourceInUseException", "Table already exists: %s", id.name)
	}
	e.lastNo++
	def := in.definition(id, e.lastNo, e.Clock.Now())
	t, err := e.redefine(def, &inflight{}, nil)
	if err != nil {
		return nil, err
	}
	d := t.describe()
	d.TableStatus = "CREATING"
	if in.BillingMode == "PAY_PER_REQUEST" { // set when the table exists
		d.BillingModeSummary, d.TableThroughputModeSummary = &BillingModeSummary{BillingMode: in.BillingMode}, &ThroughputMode{TableThroughputMode: in.BillingMode}
	}
	for i := range d.GlobalSecondaryIndexes {
		d.GlobalSecondaryIndexes[i].IndexStatus = "CREATING"
	}
	return &CreateTableOutput{d}, nil
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func tableARN(region, name string) string {
	return "arn:aws:dynamodb:" + region + ":" + awswire.Account + ":table/" + name
}

func (in *CreateTableInput) definition(id tableID, no uint64, now time.Time) definition {
	created := unixSeconds(now)
	d := TableDescription{
		AttributeDefinitions: in.AttributeDefinitions, TableName: id.name, KeySchema: in.KeySchema,
		TableStatus: "ACTIVE", CreationDateTime: created, ProvisionedThroughput: provisioned(in.ProvisionedThroughput),
		TableArn: tableARN(id.region, id.name), TableId: awswire.RequestID(),
		DeletionProtectionEnabled: in.DeletionProtectionEnabled,
		SSEDescription:            in.SSESpecification.describe(id.region),
		OnDemandThroughput:        in.OnDemandThroughput,
	}
	if in.WarmThroughput != nil {
		d.WarmThroughput = in.WarmThroughput.atLeast(in.ProvisionedThroughput)
	}
	if in.TableClass != "" {
		d.TableClassSummary = &TableClassSummary{TableClass: in.TableClass}
	}
	if in.BillingMode == "PAY_PER_REQUEST" {
		d.BillingModeSummary = &BillingModeSummary{in.BillingMode, &created}
		d.TableThroughputModeSummary = &ThroughputMode{in.BillingMode, &created}
	}
	def := definition{Region: id.region, No: no, IndexNos: map[string]uint16{}, Tags: map[string]string{}}
	for _, ix := range in.LocalSecondaryIndexes {
		arn := d.TableArn + "/index/" + def.number(*ix.IndexName)
		d.LocalSecondaryIndexes = append(d.LocalSecondaryIndexes, LocalIndex{IndexName: ix.IndexName, KeySchema: ix.KeySchema, Projection: ix.Projection, IndexArn: arn})
	}
	for _, ix := range in.GlobalSecondaryIndexes {
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, def.global(d.TableArn, ix))
	}
	for _, tag := range in.Tags {
		def.Tags[*tag.Key] = *tag.Value
	}
	def.Description = d
	return def
}

// number assigns an index its number, and returns its name.
func (d *definition) number(name string) string {
	d.NextIndexNo++
	d.IndexNos[name] = d.NextIndexNo
	return name
}

// global returns the description of a new global index.
func (d *definition) global(arn string, ix Index) Index {
	out := Index{
		IndexName: ix.IndexName, KeySchema: ix.KeySchema, Projection: ix.Projection, ProvisionedThroughput: provisioned(ix.ProvisionedThroughput),
		OnDemandThroughput: ix.OnDemandThroughput, IndexArn: arn + "/index/" + d.number(*ix.IndexName), IndexStatus: "ACTIVE",
	}
	if ix.WarmThroughput != nil {
		out.WarmThroughput = ix.WarmThroughput.atLeast(ix.ProvisionedThroughput)
	}
	return out
}

// provisioned returns the requested throughput; zero for a table in on-demand mode.
func provisioned(t *Throughput) *Throughput {
	if t != nil {
		return &Throughput{WriteCapacityUnits: t.WriteCapacityUnits, ReadCapacityUnits: t.ReadCapacityUnits}
	}
	return &Throughput{WriteCapacityUnits: new(int64), ReadCapacityUnits: new(int64)}
}

// describe returns a copy, which the caller may change.
func (t *table) describe() *TableDescription {
	d := t.def.Description
	d.GlobalSecondaryIndexes = slices.Clone(d.GlobalSecondaryIndexes)
	return &d
}

// findTableNamed finds a table for an operation on tables. The caller holds e.mu.
func (e *Engine) findTableNamed(ctx context.Context, name string) (*table, error) {
	t, ok := e.lookUpTable(ctx, name)
	if !ok {
		return nil, noSuchTableNamed(name)
	}
	return t, nil
}

// DescribeTable returns the description of a table.
func (e *Engine) DescribeTable(ctx context.Context, in *TableNameInput) (*DescribeTableOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	t, err := e.findTableNamed(ctx, *in.TableName)
	if err != nil {
		return nil, err
	}
	d := t.describe()
	d.warm()
	return &DescribeTableOutput{d}, nil
}

// warm sets the warm throughput of the table and its global indexes.
func (d *TableDescription) warm() {
	d.WarmThroughput = d.WarmThroughput.atLeast(d.ProvisionedThroughput)
	for i := range d.GlobalSecondaryIndexes {
		x := &d.GlobalSecondaryIndexes[i]
		x.WarmThroughput = x.WarmThroughput.atLeast(x.ProvisionedThroughput)
	}
}

// DeleteTable removes a table and its items. The response has the status DELETING,
// as on AWS, but the table is gone when DeleteTable returns.
func (e *Engine) DeleteTable(ctx context.Context, in *TableNameInput) (*CreateTableOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	t, err := e.findTableNamed(ctx, *in.TableName)
	if err != nil {
		return nil, err
	}
	if t.def.Description.DeletionProtectionEnabled {
		return nil, invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
	}
	b := batch{e.Store.NewBatch(), e.Keys}
	b.Delete(definitionKey(t.def.id()))
	b.DeletePrefix(itemsOf(t.no))
	b.DeletePrefix(expiryPrefix(t.no))
	if err := b.b.Commit(); err != nil {
		return nil, err
	}
	delete(e.tables, t.def.id())
	d := t.describe()
	d.TableStatus, d.GlobalSecondaryIndexes, d.LocalSecondaryIndexes = "DELETING", nil, nil
	d.AttributeDefinitions, d.KeySchema, d.CreationDateTime = nil, nil, 0
	return &CreateTableOutput{d}, nil
}

// ListTables returns a page of table names, in order.
func (e *Engine) ListTables(ctx context.Context, in *ListTablesInput) (*ListTablesOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	e.mu.RLock()
	ids := slices.Collect(maps.Keys(e.tables))
	e.mu.RUnlock()
	names := []string{}
	for _, id := range ids {
		if id.region == regionOf(ctx) && (in.ExclusiveStartTableName == nil || id.name > *in.ExclusiveStartTableName) {
			names = append(names, id.name)
		}
	}
	slices.Sort(names)
	out := &ListTablesOutput{TableNames: names}
	limit := 100
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	if len(names) > limit {
		out.TableNames, out.LastEvaluatedTableName = names[:limit], &names[limit-1]
	}
	return out, nil
}
