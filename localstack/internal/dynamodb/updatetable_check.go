// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html

package dynamodb

import (
	"slices"
	"strings"
)

// check makes the checks that the aws tags can't express and that don't need the
// table.
func (in *UpdateTableInput) check() error {
	if err := in.StreamSpecification.checkOff(); err != nil {
		return err
	}
	if err := in.SSESpecification.check(); err != nil {
		return err
	}
	if in.ProvisionedThroughput == nil && in.BillingMode == "" && len(in.GlobalSecondaryIndexUpdates) == 0 && in.SSESpecification == nil &&
		in.StreamSpecification == nil && in.TableClass == "" && in.DeletionProtectionEnabled == nil && in.OnDemandThroughput == nil && in.WarmThroughput == nil {
		return invalid("At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required")
	}
	if in.BillingMode == "PROVISIONED" && in.ProvisionedThroughput == nil {
		return invalid(paramsInvalid + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
	}
	if in.ProvisionedThroughput != nil {
		if err := in.ProvisionedThroughput.check(); err != nil {
			return err
		}
	}
	return in.checkIndexUpdates()
}

func (in *UpdateTableInput) checkIndexUpdates() error {
	if in.GlobalSecondaryIndexUpdates != nil && len(in.GlobalSecondaryIndexUpdates) == 0 {
		return invalid(paramsInvalid + "List of GlobalSecondaryIndexUpdates is empty")
	}
	seen := map[string]bool{}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		name := u.name()
		if name == "" {
			return invalid(paramsInvalid + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null")
		}
		if u.isAmbiguous() {
			return invalid(paramsInvalid + "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object")
		}
		if seen[name] {
			return invalid(paramsInvalid+"Only one global secondary index update per index is allowed simultaneously. Index: %s", name)
		}
		seen[name] = true
	}
	return nil
}

// checkOff fails for a stream, which isn't supported.
func (s *StreamSpecification) checkOff() error {
	switch {
	case s == nil:
		return nil
	case *s.StreamEnabled:
		return invalid("Streams aren't supported here: StreamSpecification.StreamEnabled")
	case s.StreamViewType != "":
		return invalid(paramsInvalid + "If stream is being disabled, then UpdateViewType must not be specified")
	}
	return nil
}

// checkNew is checkOff for a new table.
func (s *StreamSpecification) checkNew() error {
	if s != nil && !*s.StreamEnabled && s.StreamViewType != "" {
		return invalid(paramsInvalid + "Table is being created with a stream disabled, UpdateViewType should not be specified")
	}
	return s.checkOff()
}

// checkAgainst checks in against the current table.
func (in *UpdateTableInput) checkAgainst(t *table) error {
	d := &t.def.Description
	mode := d.billingMode()
	if in.BillingMode != "" {
		mode = in.BillingMode
	}
	if in.ProvisionedThroughput != nil && mode == "PAY_PER_REQUEST" {
		return invalid(paramsInvalid + byRequestOnly)
	}
	if err := in.checkSettings(t, mode); err != nil {
		return err
	}
	changes := 0
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if u.Update == nil {
			changes++
		}
	}
	if changes > 1 {
		return badRequest("LimitExceededException", "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table")
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if err := u.check(t, in.AttributeDefinitions, mode); err != nil {
			return err
		}
	}
	return in.checkAllProvisioned(d)
}

// checkSettings checks the changes of the table's encryption, stream and on-demand and
// warm throughputs. mode is its billing mode after the change.
func (in *UpdateTableInput) checkSettings(t *table, mode string) error {
	d := &t.def.Description
	if in.StreamSpecification != nil {
		return invalid("Table has no stream to disable: TableName: %s", d.TableName)
	}
	if err := in.SSESpecification.checkChange(t.def.Region, d.SSEDescription); err != nil {
		return err
	}
	if err := in.OnDemandThroughput.check("table", mode, cleared); err != nil {
		return err
	}
	return in.WarmThroughput.checkIncrease("table", d.WarmThroughput.atLeast(d.ProvisionedThroughput))
}

// checkAllProvisioned fails unless a table that becomes provisioned gets units for
// each index.
func (in *UpdateTableInput) checkAllProvisioned(d *TableDescription) error {
	if in.BillingMode != "PROVISIONED" || d.billingMode() == "PROVISIONED" {
		return nil
	}
	var missing []string
	for _, ix := range d.GlobalSecondaryIndexes {
		if !slices.ContainsFunc(in.GlobalSecondaryIndexUpdates, func(u IndexUpdate) bool { return u.provisions(*ix.IndexName) }) {
			missing = append(missing, *ix.IndexName)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return invalid(paramsInvalid+"ProvisionedThroughput must be specified for index: %s", strings.Join(missing, ","))
}

// check checks one change of an index. mode is the table's billing mode after it.
func (u IndexUpdate) check(t *table, defs []AttributeDefinition, mode string) error {
	if u.Update != nil && u.Update.ProvisionedThroughput != nil && (*u.Update.ProvisionedThroughput.ReadCapacityUnits > maxProvisioned || *u.Update.ProvisionedThroughput.WriteCapacityUnits > maxProvisioned) {
		return invalid("This operation cannot be performed with given input values. Please contact DynamoDB service team for more info: Action Blocked: IndexUpdate")
	}
	if u.Create != nil {
		return u.Create.check(t, defs, mode)
	}
	x := t.def.Description.global(u.name())
	if x == nil {
		return u.missing(t)
	}
	if u.Update != nil {
		return u.Update.check(x, mode)
	}
	return nil
}

// missing is the error for a change of an index that isn't a global one.
func (u IndexUpdate) missing(t *table) error {
	switch {
	case t.index(u.name()) == nil:
		return noSuchTable()
	case u.Update != nil:
		return invalid("Cannot update an index that is not a GlobalSecondaryIndex: %s", u.name())
	default:
		return invalid("Cannot delete an index that is not a GlobalSecondaryIndex: %s", u.name())
	}
}

func (u *UpdateIndex) check(x *Index, mode string) error {
	name := *u.IndexName
	if u.ProvisionedThroughput != nil && mode == "PAY_PER_REQUEST" {
		return invalid(paramsInvalid+"The only Updates for index: %s when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput", name)
	}
	if err := u.OnDemandThroughput.check("index : "+name, mode, cleared); err != nil {
		return err
	}
	if w := u.WarmThroughput; w != nil && w.ReadUnitsPerSecond == nil && w.WriteUnitsPerSecond == nil {
		return invalid(paramsInvalid+"WarmThroughput must have at least one of ReadUnitsPerSecond or WriteUnitsPerSecond specified for index: %s", name)
	}
	return u.WarmThroughput.checkIncrease("index "+name, x.WarmThroughput.atLeast(x.ProvisionedThroughput))
}

func (c *CreateIndex) check(t *table, defs []AttributeDefinition, mode string) error {
	d := &t.def.Description
	if t.index(*c.IndexName) != nil {
		return invalid("Attempting to create an index which already exists")
	}
	if err := c.index().check(map[string]bool{}); err != nil {
		return err
	}
	if len(defs) == 0 {
		return invalid(paramsInvalid+"AttributeDefinitions is not specified for index: %s", *c.IndexName)
	}
	if err := checkNames(definedNames(defs)); err != nil {
		return err
	}
	if err := checkGlobalSchema(c.KeySchema, definedNames(merged(slices.Clone(d.AttributeDefinitions), defs))); err != nil {
		return err
	}
	if err := checkDefinitions(d, defs, keyNames(c.KeySchema)); err != nil {
		return err
	}
	switch {
	case mode == "PAY_PER_REQUEST" && c.ProvisionedThroughput != nil:
		return invalid(paramsInvalid+"Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: %s when BillingMode is PAY_PER_REQUEST", *c.IndexName)
	case mode == "PROVISIONED" && c.ProvisionedThroughput == nil:
		return invalid(paramsInvalid+"Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: %s", *c.IndexName)
	case len(d.GlobalSecondaryIndexes) >= maxGlobalIndexes:
		return badRequest("LimitExceededException", "Subscriber limit exceeded: The number of global secondary indexes can't exceed the per-table limit of %d", maxGlobalIndexes)
	}
	return c.index().checkThroughput(mode)
}

// checkDefinitions fails if one of keys, the key attributes of a new index, changes its
// type. AWS ignores the definitions of other attributes.
func checkDefinitions(d *TableDescription, defs []AttributeDefinition, keys []string) error {
	for _, have := range d.AttributeDefinitions {
		for _, want := range defs {
			if *have.AttributeName == *want.AttributeName && *have.AttributeType != *want.AttributeType && slices.Contains(keys, *have.AttributeName) {
				return invalid(paramsInvalid+"Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Attribute: %s, type: %s, requested type: %s",
					*have.AttributeName, *have.AttributeType, *want.AttributeType)
			}
		}
	}
	return nil
}
