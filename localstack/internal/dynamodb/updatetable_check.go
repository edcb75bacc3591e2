// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html

package dynamodb

import (
	"slices"
	"strings"
)

// check makes the checks that the aws tags can't express and that don't need the
// table.
func (in *UpdateTableInput) check() error {
	if err := in.checkUnsupported(); err != nil {
		return err
	}
	if in.ProvisionedThroughput == nil && in.BillingMode == "" && len(in.GlobalSecondaryIndexUpdates) == 0 && in.SSESpecification == nil &&
		in.StreamSpecification == nil && in.TableClass == "" && in.DeletionProtectionEnabled == nil {
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
	seen := map[string]bool{}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		name := u.name()
		if name == "" {
			return invalid(paramsInvalid + "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null")
		}
		if u.isAmbiguous() {
			return invalid(paramsInvalid + "Only one of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete may be given")
		}
		if seen[name] {
			return invalid(paramsInvalid+"Only one global secondary index update per index is allowed simultaneously. Index: %s", name)
		}
		seen[name] = true
	}
	return nil
}

// checkUnsupported fails with the name of a parameter that isn't supported.
func (in *UpdateTableInput) checkUnsupported() error {
	if len(in.ReplicaUpdates) > 0 {
		return invalid("Global tables aren't supported here: ReplicaUpdates")
	}
	return in.StreamSpecification.checkStream()
}

// checkStream fails for a stream.
func (s *Specification) checkStream() error {
	if s != nil && s.StreamEnabled != nil && *s.StreamEnabled {
		return invalid("Streams aren't supported here: StreamSpecification.StreamEnabled")
	}
	return nil
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

// checkAllProvisioned fails unless a table that becomes provisioned gets units for
// each index.
func (in *UpdateTableInput) checkAllProvisioned(d *TableDescription) error {
	if in.BillingMode != "PROVISIONED" || d.billingMode() == "PROVISIONED" {
		return nil
	}
	var missing []string
	for _, ix := range d.GlobalSecondaryIndexes {
		if !slices.ContainsFunc(in.GlobalSecondaryIndexUpdates, func(u IndexUpdate) bool { return u.Create == nil && u.name() == *ix.IndexName }) {
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
	if u.Update != nil && (*u.Update.ProvisionedThroughput.ReadCapacityUnits > maxProvisioned || *u.Update.ProvisionedThroughput.WriteCapacityUnits > maxProvisioned) {
		return invalid("This operation cannot be performed with given input values. Please contact DynamoDB service team for more info: Action Blocked: IndexUpdate")
	}
	if u.Create != nil {
		return u.Create.check(t, defs, mode)
	}
	if t.def.Description.global(u.name()) == nil {
		return noSuchTable()
	}
	if u.Update != nil && mode == "PAY_PER_REQUEST" {
		return invalid(paramsInvalid+"ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST", u.name())
	}
	return nil
}

func (c *CreateIndex) check(t *table, defs []AttributeDefinition, mode string) error {
	d := &t.def.Description
	names := map[string]bool{}
	if t.index(*c.IndexName) != nil {
		return invalid("Attempting to create an index which already exists")
	}
	if err := (Index{IndexName: c.IndexName, Projection: c.Projection}).check(names); err != nil {
		return err
	}
	if err := checkGlobalSchema(c.KeySchema, definedNames(merged(slices.Clone(d.AttributeDefinitions), defs))); err != nil {
		return err
	}
	if err := checkDefinitions(d, defs); err != nil {
		return err
	}
	switch {
	case mode == "PAY_PER_REQUEST" && c.ProvisionedThroughput != nil:
		return invalid(paramsInvalid+"ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST", *c.IndexName)
	case mode == "PROVISIONED" && c.ProvisionedThroughput == nil:
		return invalid(paramsInvalid+"ProvisionedThroughput must be specified for index: %s", *c.IndexName)
	case len(d.GlobalSecondaryIndexes) >= maxGlobalIndexes:
		return badRequest("LimitExceededException", "Subscriber limit exceeded: The number of global secondary indexes can't exceed the per-table limit of %d", maxGlobalIndexes)
	}
	return nil
}

// checkDefinitions fails if a key attribute changes its type.
func checkDefinitions(d *TableDescription, defs []AttributeDefinition) error {
	for _, have := range d.AttributeDefinitions {
		for _, want := range defs {
			if *have.AttributeName == *want.AttributeName && *have.AttributeType != *want.AttributeType {
				return invalid(paramsInvalid+"Attribute %s is a key attribute of type %s already: it can't become %s", *have.AttributeName, *have.AttributeType, *want.AttributeType)
			}
		}
	}
	return nil
}
