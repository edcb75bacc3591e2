// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html

package dynamodb

import (
	"slices"
	"strings"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// Quotas of a table.
const (
	maxLocalIndexes  = 5
	maxGlobalIndexes = 20
	maxProvisioned   = 1_000_000_000_000
)

const byRequestOnly = "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"

// check makes the checks that the aws tags can't express, in AWS's order.
func (in *CreateTableInput) check() error {
	if err := in.checkBilling(); err != nil {
		return err
	}
	defined := definedNames(in.AttributeDefinitions)
	if err := checkNames(defined); err != nil {
		return err
	}
	keys := keyNames(in.KeySchema)
	if len(keys) > len(defined) {
		return invalid("Invalid KeySchema: Some index key attribute have no definition")
	}
	if err := checkSchema(in.KeySchema, defined); err != nil {
		return err
	}
	if in.LocalSecondaryIndexes == nil && in.GlobalSecondaryIndexes == nil && len(keys) != len(defined) {
		return invalid(paramsInvalid + "Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	if err := in.checkUsed(defined); err != nil {
		return err
	}
	if err := in.checkSettings(); err != nil {
		return err
	}
	names := map[string]bool{}
	if err := in.checkLocal(defined, names); err != nil {
		return err
	}
	return in.checkGlobal(defined, names)
}

// maxName is the maximum length of the names of key attributes and of attributes that
// an index includes, in bytes.
const maxName = 255

// checkNames checks the names of attribute definitions: each is there once.
func checkNames(defined []string) error {
	seen := make(map[string]bool, len(defined))
	for _, name := range defined {
		if seen[name] {
			return invalid("Attribute Name is duplicated: %s", name)
		}
		seen[name] = true
	}
	return checkNameSizes(defined)
}

func checkNameSizes(names []string) error {
	if slices.ContainsFunc(names, func(n string) bool { return len(n) > maxName }) {
		return invalid(paramsInvalid+"Attribute name is too large, must be less than %d bytes", maxName+1)
	}
	return nil
}

// checkUsed fails for a definition of an attribute that is in no key.
func (in *CreateTableInput) checkUsed(defined []string) error {
	used := keyNames(in.KeySchema)
	for _, ix := range in.LocalSecondaryIndexes {
		used = append(used, keyNames(ix.KeySchema)...)
	}
	for _, ix := range in.GlobalSecondaryIndexes {
		used = append(used, keyNames(ix.KeySchema)...)
	}
	slices.Sort(used)
	used = slices.Compact(used)
	undefined := value.Without(used, defined) // reported by its index
	if len(in.LocalSecondaryIndexes)+len(in.GlobalSecondaryIndexes) == 0 || len(undefined) > 0 || len(value.Without(defined, used)) == 0 {
		return nil
	}
	return invalid(paramsInvalid+"Some AttributeDefinitions are not used. AttributeDefinitions: [%s], keys used: [%s]", strings.Join(defined, ", "), strings.Join(used, ", "))
}

// checkSettings checks what isn't about keys and indexes.
func (in *CreateTableInput) checkSettings() error {
	if err := in.StreamSpecification.checkNew(); err != nil {
		return err
	}
	if err := in.SSESpecification.check(); err != nil {
		return err
	}
	mode := in.BillingMode
	if mode == "" {
		mode = "PROVISIONED"
	}
	if err := in.OnDemandThroughput.check("table", mode, 1); err != nil {
		return err
	}
	return in.WarmThroughput.checkNew("table", in.ProvisionedThroughput)
}

func (in *CreateTableInput) checkBilling() error {
	t := in.ProvisionedThroughput
	if in.BillingMode == "PAY_PER_REQUEST" {
		if t != nil {
			return invalid(paramsInvalid + byRequestOnly)
		}
		return nil
	}
	if t == nil {
		return invalid(paramsInvalid + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	}
	return t.check()
}

func (t *Throughput) check() error {
	if *t.ReadCapacityUnits > maxProvisioned {
		return invalid("Given value %d for ReadCapacityUnits is out of bounds", *t.ReadCapacityUnits)
	}
	if *t.WriteCapacityUnits > maxProvisioned {
		return invalid("Given value %d for WriteCapacityUnits is out of bounds", *t.WriteCapacityUnits)
	}
	return nil
}

func definedNames(defs []AttributeDefinition) []string {
	var names []string
	for _, d := range defs {
		names = append(names, *d.AttributeName)
	}
	return names
}

func keyNames(elements []KeySchemaElement) []string {
	var names []string
	for _, el := range elements {
		names = append(names, *el.AttributeName)
	}
	return names
}

func checkSchema(elements []KeySchemaElement, defined []string) error {
	keys := keyNames(elements)
	for _, k := range keys {
		if !slices.Contains(defined, k) {
			return invalid(paramsInvalid+"Some index key attributes are not defined in AttributeDefinitions. Keys: [%s], AttributeDefinitions: [%s]",
				strings.Join(keys, ", "), strings.Join(defined, ", "))
		}
	}
	switch {
	case len(keys) == 2 && keys[0] == keys[1]:
		return invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	case *elements[0].KeyType != "HASH":
		return invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	case len(keys) == 2 && *elements[1].KeyType != "RANGE":
		return invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	}
	return nil
}

// maxKeyAttrs is the maximum number of attributes in the partition key of a global
// index, and in its sort key (on AWS since November 2025). Tables and local indexes
// have at most one of each.
const maxKeyAttrs = 4

// checkGlobalSchema checks the key schema of a global index.
func checkGlobalSchema(elements []KeySchemaElement, defined []string) error {
	if len(elements) == 1 || len(elements) == 2 && (*elements[1].KeyType == "RANGE" || *elements[0].AttributeName == *elements[1].AttributeName) {
		return checkSchema(elements, defined) // like a table's, with AWS's messages
	}
	if err := checkSchema(elements[:1], defined); err != nil {
		return err
	}
	counts := map[string]int{}
	for i, el := range elements {
		name := *el.AttributeName
		switch counts[*el.KeyType]++; {
		case !slices.Contains(defined, name):
			return checkSchema(elements[i:i+1], defined)
		case slices.Contains(keyNames(elements[:i]), name):
			return invalid("The KeySchema contains multiple key attributes with the same name")
		case *el.KeyType == "HASH" && counts["RANGE"] > 0:
			return invalid(paramsInvalid + "All HASH key attributes must precede RANGE key attributes in the KeySchema")
		case counts[*el.KeyType] > maxKeyAttrs:
			return invalid(paramsInvalid+"The KeySchema exceeds the maximum allowed number of %s key attributes", *el.KeyType)
		}
	}
	return nil
}

// checkOneEach fails for a key of several attributes where AWS has none.
func checkOneEach(ix Index) error {
	if len(ix.KeySchema) > 2 {
		return invalid("Invalid KeySchema: Only global secondary indexes can have keys of several attributes: %s", *ix.IndexName)
	}
	return nil
}

func (in *CreateTableInput) checkLocal(defined []string, names map[string]bool) error {
	if in.LocalSecondaryIndexes == nil {
		return nil
	}
	if len(in.LocalSecondaryIndexes) == 0 {
		return invalid(paramsInvalid + "List of LocalSecondaryIndexes is empty")
	}
	if len(in.KeySchema) != 2 {
		return invalid(paramsInvalid + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
	}
	hash := *in.KeySchema[0].AttributeName
	for _, ix := range in.LocalSecondaryIndexes[:min(len(in.LocalSecondaryIndexes), maxLocalIndexes+1)] {
		if err := checkOneEach(Index(ix)); err != nil {
			return err
		}
		if err := checkSchema(ix.KeySchema, defined); err != nil {
			return err
		}
		if len(ix.KeySchema) != 2 {
			return invalid(paramsInvalid+"Index KeySchema does not have a range key for index: %s", *ix.IndexName)
		}
		if own := *ix.KeySchema[0].AttributeName; own != hash {
			return invalid(paramsInvalid+"Index KeySchema does not have the same leading hash key as table KeySchema for index: %s. index hash key: %s, table hash key: %s",
				*ix.IndexName, own, hash)
		}
		if err := Index(ix).check(names); err != nil {
			return err
		}
	}
	if len(in.LocalSecondaryIndexes) > maxLocalIndexes {
		return invalid(paramsInvalid + "Number of LocalSecondaryIndexes exceeds per-table limit of 5")
	}
	return nil
}

func (in *CreateTableInput) checkGlobal(defined []string, names map[string]bool) error {
	if in.GlobalSecondaryIndexes == nil {
		return nil
	}
	if len(in.GlobalSecondaryIndexes) == 0 {
		return invalid(paramsInvalid + "List of GlobalSecondaryIndexes is empty")
	}
	for _, ix := range in.GlobalSecondaryIndexes[:min(len(in.GlobalSecondaryIndexes), maxGlobalIndexes+1)] {
		if err := checkGlobalSchema(ix.KeySchema, defined); err != nil {
			return err
		}
		if in.BillingMode == "PAY_PER_REQUEST" && ix.ProvisionedThroughput != nil {
			return invalid(paramsInvalid+"ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST", *ix.IndexName)
		}
		if err := ix.check(names); err != nil {
			return err
		}
		if in.BillingMode != "PAY_PER_REQUEST" && ix.ProvisionedThroughput == nil {
			return invalid(paramsInvalid+"ProvisionedThroughput is not specified for index: %s", *ix.IndexName)
		}
		if err := ix.checkThroughput(in.BillingMode); err != nil {
			return err
		}
	}
	if len(in.GlobalSecondaryIndexes) > maxGlobalIndexes {
		return invalid(paramsInvalid + "GlobalSecondaryIndex count exceeds the per-table limit of 20")
	}
	return nil
}

// checkThroughput checks the throughputs of a new global index other than the
// provisioned one.
func (ix Index) checkThroughput(mode string) error {
	if err := ix.OnDemandThroughput.check("index : "+*ix.IndexName, mode, 1); err != nil {
		return err
	}
	return ix.WarmThroughput.checkNew("index "+*ix.IndexName, ix.ProvisionedThroughput)
}

func (p *Projection) check() error {
	switch include := p.ProjectionType == "INCLUDE"; {
	case p.ProjectionType == "":
		return invalid(paramsInvalid + "Unknown ProjectionType: null")
	case p.NonKeyAttributes != nil && !include:
		return invalid(paramsInvalid+"ProjectionType is %s, but NonKeyAttributes is specified", p.ProjectionType)
	case p.NonKeyAttributes == nil && include:
		return invalid(paramsInvalid + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
	}
	for i, name := range p.NonKeyAttributes {
		if slices.Contains(p.NonKeyAttributes[:i], name) {
			return invalid(paramsInvalid+"Duplicate element in NonKeyAttributes: %s", name)
		}
	}
	return checkNameSizes(p.NonKeyAttributes)
}

// check checks the projection, and that the name is new.
func (ix Index) check(names map[string]bool) error {
	if err := ix.Projection.check(); err != nil {
		return err
	}
	if names[*ix.IndexName] {
		return invalid(paramsInvalid+"Duplicate index name: %s", *ix.IndexName)
	}
	names[*ix.IndexName] = true
	return nil
}
