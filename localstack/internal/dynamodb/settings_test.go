package dynamodb

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

func hashKey(name string) []KeySchemaElement { return []KeySchemaElement{{&name, ptr("HASH")}} }

func globalIndex(name, hash string, p Projection) Index {
	return Index{IndexName: &name, KeySchema: hashKey(hash), Projection: &p}
}

// newTable is the input that creates the table new of pk with an on-demand index of g.
func newTableInput() CreateTableInput {
	return CreateTableInput{
		TableName: ptr("new"), BillingMode: "PAY_PER_REQUEST", KeySchema: hashKey("pk"),
		AttributeDefinitions:   []AttributeDefinition{def("pk", "S"), def("g", "S")},
		GlobalSecondaryIndexes: []Index{globalIndex("byG", "g", Projection{ProjectionType: "ALL"})},
	}
}

const invalidValue = "ValidationException: One or more parameter values were invalid: "

// TestCreateTableRefusals: what AWS refuses in a new table, in its words.
func TestCreateTableRefusals(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	long, projection := strings.Repeat("a", 256), func(in *CreateTableInput, names ...string) {
		in.GlobalSecondaryIndexes[0].Projection = &Projection{ProjectionType: "INCLUDE", NonKeyAttributes: names}
	}
	for want, change := range map[string]func(in *CreateTableInput){
		invalidValue + "Some AttributeDefinitions are not used. AttributeDefinitions: [pk, g, x], keys used: [g, pk]": func(in *CreateTableInput) {
			in.AttributeDefinitions = append(in.AttributeDefinitions, def("x", "S"))
		},
		"ValidationException: Attribute Name is duplicated: g": func(in *CreateTableInput) {
			in.AttributeDefinitions = append(in.AttributeDefinitions, def("g", "N"))
		},
		invalidValue + "Some index key attributes are not defined in AttributeDefinitions. Keys: [g], AttributeDefinitions: [pk]": func(in *CreateTableInput) {
			in.AttributeDefinitions = in.AttributeDefinitions[:1]
		},
		invalidValue + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified": func(in *CreateTableInput) { projection(in) },
		invalidValue + "Duplicate element in NonKeyAttributes: x":                         func(in *CreateTableInput) { projection(in, "x", "y", "x") },
		invalidValue + "Attribute name is too large, must be less than 256 bytes":         func(in *CreateTableInput) { projection(in, strings.Repeat("\u00e9", 128)) },
		"ValidationException: 1 validation error detected: Value '[" + long + "]' at 'globalSecondaryIndexes.1.member.projection.nonKeyAttributes' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1]": func(in *CreateTableInput) {
			projection(in, long)
		},
		"ValidationException: 2 validation errors detected: Value '" + long + "' at 'attributeDefinitions.2.member.attributeName' failed to satisfy constraint: Member must have length less than or equal to 255; Value '" + long + "' at 'globalSecondaryIndexes.1.member.keySchema.1.member.attributeName' failed to satisfy constraint: Member must have length less than or equal to 255": func(in *CreateTableInput) {
			in.AttributeDefinitions[1], in.GlobalSecondaryIndexes[0].KeySchema = def(long, "S"), hashKey(long)
		},
		invalidValue + "ProvisionedThroughput is not specified for index: byG": func(in *CreateTableInput) {
			in.BillingMode, in.ProvisionedThroughput = "", units2(1)
		},
		invalidValue + "SSEType can not be specified if Enabled is false": func(in *CreateTableInput) {
			in.SSESpecification = &SSESpecification{SSEType: "KMS"}
		},
		invalidValue + "KMSMasterKeyId can not be specified if Enabled is false": func(in *CreateTableInput) {
			in.SSESpecification = &SSESpecification{Enabled: ptr(false), KMSMasterKeyID: ptr("k")}
		},
		invalidValue + "SSEType AES256 is not supported": func(in *CreateTableInput) {
			in.SSESpecification = &SSESpecification{Enabled: ptr(true), SSEType: "AES256"}
		},
		invalidValue + "SSEType KMS is required if KMSMasterKeyId is specified": func(in *CreateTableInput) {
			in.SSESpecification = &SSESpecification{Enabled: ptr(true), KMSMasterKeyID: ptr("k")}
		},
		"ValidationException: Streams aren't supported here: StreamSpecification.StreamEnabled": func(in *CreateTableInput) {
			in.StreamSpecification = &StreamSpecification{StreamEnabled: ptr(true), StreamViewType: "NEW_IMAGE"}
		},
		invalidValue + "Table is being created with a stream disabled, UpdateViewType should not be specified": func(in *CreateTableInput) {
			in.StreamSpecification = &StreamSpecification{StreamEnabled: ptr(false), StreamViewType: "NEW_IMAGE"}
		},
		invalidValue + "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range": func(in *CreateTableInput) {
			in.OnDemandThroughput = &OnDemandThroughput{MaxReadRequestUnits: new(int64)}
		},
		invalidValue + "Requested MaxWriteRequestUnits for OnDemandThroughput for index : byG is outside of valid range": func(in *CreateTableInput) {
			in.GlobalSecondaryIndexes[0].OnDemandThroughput = &OnDemandThroughput{MaxWriteRequestUnits: ptr[int64](-1)}
		},
		invalidValue + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED": func(in *CreateTableInput) {
			in.BillingMode, in.ProvisionedThroughput = "PROVISIONED", units2(1)
			in.OnDemandThroughput = &OnDemandThroughput{MaxReadRequestUnits: ptr[int64](1)}
		},
		invalidValue + "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than WriteCapacityUnits of ProvisionedThroughput": func(in *CreateTableInput) {
			in.BillingMode, in.ProvisionedThroughput = "PROVISIONED", units2(5)
			in.WarmThroughput = &WarmThroughput{WriteUnitsPerSecond: ptr[int64](4)}
		},
		invalidValue + "Requested ReadUnitsPerSecond for WarmThroughput for index byG is lower than initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html": func(in *CreateTableInput) {
			in.GlobalSecondaryIndexes[0].WarmThroughput = &WarmThroughput{ReadUnitsPerSecond: ptr[int64](warmReads - 1)}
		},
		"ValidationException: ResourcePolicy is not supported here":                     func(in *CreateTableInput) { in.ResourcePolicy = true },
		"ValidationException: VectorIndexes is not supported here":                      func(in *CreateTableInput) { in.VectorIndexes = true },
		"ValidationException: GlobalTableSourceArn is not supported here":               func(in *CreateTableInput) { in.GlobalTableSourceArn = true },
		"ValidationException: GlobalTableSettingsReplicationMode is not supported here": func(in *CreateTableInput) { in.GlobalTableSettingsReplicationMode = true },
	} {
		in := newTableInput()
		change(&in)
		if _, err := e.CreateTable(t.Context(), &in); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	out, err := e.ListTables(t.Context(), &ListTablesInput{})
	if err != nil || len(out.TableNames) != 0 {
		t.Errorf("tables that were refused: %+v, %v", out, err)
	}
}

// TestLongNames: names of key attributes and of included ones have up to 255 bytes.
func TestLongNames(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	in, long := newTableInput(), strings.Repeat("\u00e9", 127)+"a"
	in.AttributeDefinitions[1], in.GlobalSecondaryIndexes[0] = def(long, "S"), globalIndex("byG", long, Projection{ProjectionType: "INCLUDE", NonKeyAttributes: []string{long}})
	if _, err := e.CreateTable(t.Context(), &in); err != nil {
		t.Error(err)
	}
}

// TestSettingsAreDescribed: encryption, class and throughputs that have no effect are
// described, through an update and a restart.
func TestSettingsAreDescribed(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	e := openEngine(t, fs, newClock())
	in := newTableInput()
	in.SSESpecification = &SSESpecification{Enabled: ptr(true)}
	in.TableClass = "STANDARD_INFREQUENT_ACCESS"
	in.OnDemandThroughput = &OnDemandThroughput{MaxReadRequestUnits: ptr[int64](10)}
	in.WarmThroughput = &WarmThroughput{ReadUnitsPerSecond: ptr[int64](13000), Status: "a client's"}
	index := &in.GlobalSecondaryIndexes[0]
	index.OnDemandThroughput = &OnDemandThroughput{MaxWriteRequestUnits: ptr[int64](20)}
	index.WarmThroughput = &WarmThroughput{WriteUnitsPerSecond: ptr[int64](5000)}
	index.ItemCount, index.IndexStatus = 7, "a client's" // AWS ignores what isn't in its API
	if _, err := e.CreateTable(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	check := func(e *Engine, want string) {
		t.Helper()
		out, err := e.DescribeTable(t.Context(), &TableNameInput{ptr("new")})
		if err != nil {
			t.Fatal(err)
		}
		d := out.Table
		x := d.global("byG")
		if got := fmt.Sprint(describeSettings(d.SSEDescription, d.OnDemandThroughput, d.WarmThroughput), "; ", describeSettings(nil, x.OnDemandThroughput, x.WarmThroughput)); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if d.TableClassSummary.TableClass != "STANDARD_INFREQUENT_ACCESS" || x.ItemCount != 0 || x.IndexStatus != "ACTIVE" {
			t.Errorf("class %+v, index %+v", d.TableClassSummary, x)
		}
	}
	const first = "ENABLED KMS arn:aws:kms:us-east-1:000000000000:alias/aws/dynamodb, most 10 -, warm 13000 4000 ACTIVE; , most - 20, warm 12000 5000 ACTIVE"
	check(e, first)
	check(openEngine(t, fs.CrashClone(vfs.CrashCloneCfg{}), newClock()), first)
	for _, u := range []UpdateTableInput{
		{SSESpecification: &SSESpecification{Enabled: ptr(true), SSEType: "KMS", KMSMasterKeyID: ptr("1234")}},
		{OnDemandThroughput: &OnDemandThroughput{MaxWriteRequestUnits: ptr[int64](30)}},
		{WarmThroughput: &WarmThroughput{WriteUnitsPerSecond: ptr[int64](6000)}},
		{GlobalSecondaryIndexUpdates: []IndexUpdate{{Update: &UpdateIndex{IndexName: ptr("byG"), OnDemandThroughput: &OnDemandThroughput{MaxWriteRequestUnits: ptr[int64](cleared)}}}}},
		{GlobalSecondaryIndexUpdates: []IndexUpdate{{Update: &UpdateIndex{IndexName: ptr("byG"), WarmThroughput: &WarmThroughput{ReadUnitsPerSecond: ptr[int64](14000)}}}}},
	} {
		u.TableName = ptr("new")
		if _, err := e.UpdateTable(t.Context(), &u); err != nil {
			t.Error(err)
		}
	}
	check(e, "ENABLED KMS arn:aws:kms:us-east-1:000000000000:key/1234, most 10 30, warm 13000 6000 ACTIVE; , most - -1, warm 14000 5000 ACTIVE")
	if _, err := e.UpdateTable(t.Context(), &UpdateTableInput{TableName: ptr("new"), SSESpecification: &SSESpecification{Enabled: ptr(false)}}); err != nil {
		t.Error(err)
	}
	check(e, ", most 10 30, warm 13000 6000 ACTIVE; , most - -1, warm 14000 5000 ACTIVE")
}

func describeSettings(s *SSEDescription, o *OnDemandThroughput, w *WarmThroughput) string {
	var encryption string
	if s != nil {
		encryption = s.Status + " " + s.SSEType + " " + s.KMSMasterKeyArn
	}
	units := func(n *int64) string {
		if n == nil {
			return "-"
		}
		return fmt.Sprint(*n)
	}
	return fmt.Sprintf("%s, most %s %s, warm %d %d %s", encryption, units(o.MaxReadRequestUnits), units(o.MaxWriteRequestUnits), *w.ReadUnitsPerSecond, *w.WriteUnitsPerSecond, w.Status)
}

// TestUpdateSettingsRefusals: what AWS refuses to change, in its words.
func TestUpdateSettingsRefusals(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	in := newTableInput()
	if _, err := e.CreateTable(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	update := func(u UpdateIndex) UpdateTableInput {
		u.IndexName = ptr("byG")
		return UpdateTableInput{GlobalSecondaryIndexUpdates: []IndexUpdate{{Update: &u}}}
	}
	for want, u := range map[string]UpdateTableInput{
		invalidValue + "Table is already encrypted by default":                                                                                                                                      {SSESpecification: &SSESpecification{Enabled: ptr(false)}},
		"ValidationException: Table has no stream to disable: TableName: new":                                                                                                                       {StreamSpecification: &StreamSpecification{StreamEnabled: ptr(false)}},
		invalidValue + "List of GlobalSecondaryIndexUpdates is empty":                                                                                                                               {GlobalSecondaryIndexUpdates: []IndexUpdate{}, DeletionProtectionEnabled: ptr(true)},
		invalidValue + "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range":                                                                                   {OnDemandThroughput: &OnDemandThroughput{MaxReadRequestUnits: ptr[int64](-2)}},
		invalidValue + "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, decreasing WarmThroughput is not supported":                                 {WarmThroughput: &WarmThroughput{ReadUnitsPerSecond: ptr[int64](1)}},
		invalidValue + "Requested WriteUnitsPerSecond for WarmThroughput for index byG is lower than current WarmThroughput, decreasing WarmThroughput is not supported":                            update(UpdateIndex{WarmThroughput: &WarmThroughput{WriteUnitsPerSecond: ptr[int64](1)}}),
		invalidValue + "WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: byG":                                                                update(UpdateIndex{WarmThroughput: &WarmThroughput{}}),
		invalidValue + "The only Updates for index: byG when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput":                                                   update(UpdateIndex{ProvisionedThroughput: units2(1)}),
		"ValidationException: 1 validation error detected: Value null at 'globalSecondaryIndexUpdates.1.member.update.provisionedThroughput' failed to satisfy constraint: Member must not be null": update(UpdateIndex{}),
		invalidValue + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED":                                                                   {BillingMode: "PROVISIONED", ProvisionedThroughput: units2(1), OnDemandThroughput: &OnDemandThroughput{MaxReadRequestUnits: ptr[int64](5)}},
		invalidValue + "ProvisionedThroughput must be specified for index: byG": {BillingMode: "PROVISIONED", ProvisionedThroughput: units2(1),
			GlobalSecondaryIndexUpdates: []IndexUpdate{{Update: &UpdateIndex{IndexName: ptr("byG"), WarmThroughput: &WarmThroughput{ReadUnitsPerSecond: ptr[int64](20000)}}}}},
		"ValidationException: MultiRegionConsistency is not supported here": {MultiRegionConsistency: true, TableClass: "STANDARD"},
	} {
		u.TableName = ptr("new")
		if _, err := e.UpdateTable(t.Context(), &u); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if _, err := e.UpdateTable(t.Context(), &UpdateTableInput{TableName: ptr("new"), AttributeDefinitions: []AttributeDefinition{def("h", "S"), def("unused", "S"), def("pk", "N")},
		GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("byH", "h", nil)}}); err != nil {
		t.Errorf("AWS ignores definitions that a new index doesn't use: %v", err)
	}
	out, err := e.DescribeTable(t.Context(), &TableNameInput{ptr("new")})
	if got := strings.Join(definedNames(out.Table.AttributeDefinitions), " "); err != nil || got != "pk g h" || *out.Table.AttributeDefinitions[0].AttributeType != "S" {
		t.Errorf("definitions after a new index: %s, %v", got, err)
	}
}

// TestUpdateTableCombinations: whatever UpdateTable is asked to combine, it succeeds or
// refuses, and the table can be described and used after.
func TestUpdateTableCombinations(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		e := openEngine(t, vfs.NewMem(), newClock())
		in := newTableInput()
		if rapid.Bool().Draw(rt, "provisioned") {
			in.BillingMode, in.ProvisionedThroughput, in.GlobalSecondaryIndexes[0].ProvisionedThroughput = "", units2(5), units2(5)
		}
		if _, err := e.CreateTable(t.Context(), &in); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(rt, "updates") {
			u := drawUpdate(rt)
			_, err := e.UpdateTable(t.Context(), &u)
			out, described := e.DescribeTable(t.Context(), &TableNameInput{ptr("new")})
			if described != nil || err != nil && codeOf(err) == fmt.Sprint(err) {
				rt.Fatalf("%v, %v", err, described)
			}
			for _, x := range out.Table.GlobalSecondaryIndexes {
				if _, err := e.Scan(t.Context(), &ScanInput{TableName: ptr("new"), IndexName: x.IndexName}); err != nil {
					rt.Fatal(err)
				}
			}
		}
	})
}

// drawUpdate returns any combination of what UpdateTable changes.
func drawUpdate(t *rapid.T) UpdateTableInput {
	name := rapid.SampledFrom([]string{"byG", "byH", "none"})
	some := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	units := func() *Throughput { return units2(rapid.Int64Range(1, 9).Draw(t, "units")) }
	most := func() *OnDemandThroughput {
		return &OnDemandThroughput{MaxReadRequestUnits: ptr(rapid.Int64Range(-2, 5).Draw(t, "most"))}
	}
	warm := func() *WarmThroughput {
		return &WarmThroughput{ReadUnitsPerSecond: ptr(rapid.SampledFrom([]int64{1, 12000, 50000}).Draw(t, "warm"))}
	}
	in := UpdateTableInput{TableName: ptr("new"), BillingMode: rapid.SampledFrom([]string{"", "", "PROVISIONED", "PAY_PER_REQUEST"}).Draw(t, "mode"),
		AttributeDefinitions: []AttributeDefinition{def("g", "S"), def("h", rapid.SampledFrom([]string{"S", "N"}).Draw(t, "kind"))}}
	if some("table units") {
		in.ProvisionedThroughput = units()
	}
	if some("table maximum") {
		in.OnDemandThroughput = most()
	}
	if some("table warm") {
		in.WarmThroughput = warm()
	}
	if some("encryption") {
		in.SSESpecification = &SSESpecification{Enabled: ptr(rapid.Bool().Draw(t, "encrypted"))}
	}
	for range rapid.IntRange(0, 2).Draw(t, "index updates") {
		var u IndexUpdate
		if some("create") {
			u.Create = createIndex(name.Draw(t, "created"), rapid.SampledFrom([]string{"g", "h", "undefined"}).Draw(t, "key"), nil).Create
			if rapid.Bool().Draw(t, "with units") {
				u.Create.ProvisionedThroughput = units()
			}
		}
		if some("delete") {
			u.Delete = &DeleteIndex{ptr(name.Draw(t, "deleted"))}
		}
		if some("update") {
			u.Update = &UpdateIndex{IndexName: ptr(name.Draw(t, "updated"))}
			if some("index units") {
				u.Update.ProvisionedThroughput = units()
			}
			if some("index maximum") {
				u.Update.OnDemandThroughput = most()
			}
			if some("index warm") {
				u.Update.WarmThroughput = warm()
			}
		}
		in.GlobalSecondaryIndexUpdates = append(in.GlobalSecondaryIndexUpdates, u)
	}
	return in
}
