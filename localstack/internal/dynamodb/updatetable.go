// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html

package dynamodb

import (
	"context"
	"maps"
	"slices"
	"time"
)

// UpdateTable changes a table's throughput, billing mode, class, protection and
// global secondary indexes. The response has the status UPDATING and the previous
// units, as on AWS, but the change is complete when UpdateTable returns.
func (e *Engine) UpdateTable(ctx context.Context, in *UpdateTableInput) (*UpdateTableOutput, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	t, err := e.findTableNamed(ctx, *in.TableName)
	if err != nil {
		return nil, err
	}
	if err := in.checkAgainst(t); err != nil {
		return nil, err
	}
	def, err := in.apply(t.def.clone(), e.Clock.Now())
	if err != nil {
		return nil, err
	}
	if err := e.backfill(t, def, in.created()); err != nil {
		return nil, err
	}
	next, err := e.redefine(def, t.writes, func(b batch) {
		if name := in.deleted(); name != "" {
			b.DeletePrefix(entriesOf(t.no, t.def.IndexNos[name]))
		}
	})
	if err != nil {
		return nil, err
	}
	return &UpdateTableOutput{updatingDescription(t, next, in)}, nil
}

// clone returns a copy whose maps, slices and throughputs may be changed.
func (d definition) clone() definition {
	d.IndexNos, d.Tags = maps.Clone(d.IndexNos), maps.Clone(d.Tags)
	x := &d.Description
	x.ProvisionedThroughput = new(*x.ProvisionedThroughput)
	x.AttributeDefinitions = slices.Clone(x.AttributeDefinitions)
	x.GlobalSecondaryIndexes = slices.Clone(x.GlobalSecondaryIndexes)
	for i := range x.GlobalSecondaryIndexes {
		ix := &x.GlobalSecondaryIndexes[i]
		ix.ProvisionedThroughput = new(*ix.ProvisionedThroughput)
	}
	return d
}

// apply returns the definition with the changes in in.
func (in *UpdateTableInput) apply(def definition, now time.Time) (definition, error) {
	d := &def.Description
	if in.DeletionProtectionEnabled != nil {
		d.DeletionProtectionEnabled = *in.DeletionProtectionEnabled
	}
	if in.TableClass != "" {
		at := unixSeconds(now)
		d.TableClassSummary = &TableClassSummary{in.TableClass, &at}
	}
	if err := in.applyThroughput(d, now); err != nil {
		return def, err
	}
	in.applyBilling(d, now)
	in.applySettings(&def)
	for _, u := range in.GlobalSecondaryIndexUpdates {
		u.apply(&def, in.AttributeDefinitions)
	}
	return def, nil
}

// applySettings changes the encryption and the on-demand and warm throughputs of the
// table.
func (in *UpdateTableInput) applySettings(def *definition) {
	d := &def.Description
	if in.SSESpecification != nil {
		d.SSEDescription = in.SSESpecification.describe(def.Region)
	}
	d.OnDemandThroughput = d.OnDemandThroughput.merged(in.OnDemandThroughput)
	if d.billingMode() == "PROVISIONED" {
		d.OnDemandThroughput = nil
		for i := range d.GlobalSecondaryIndexes {
			d.GlobalSecondaryIndexes[i].OnDemandThroughput = nil
		}
	}
	d.WarmThroughput = d.WarmThroughput.merged(in.WarmThroughput, d.ProvisionedThroughput)
}

// apply creates, changes or deletes an index. Throughputs are changed before.
func (u IndexUpdate) apply(def *definition, defs []AttributeDefinition) {
	d := &def.Description
	switch {
	case u.Update != nil:
		x := d.global(u.name())
		x.OnDemandThroughput = x.OnDemandThroughput.merged(u.Update.OnDemandThroughput)
		x.WarmThroughput = x.WarmThroughput.merged(u.Update.WarmThroughput, x.ProvisionedThroughput)
	case u.Create != nil:
		d.AttributeDefinitions = merged(d.AttributeDefinitions, defs)
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, def.global(d.TableArn, u.Create.index()))
		d.removeUnusedDefinitions()
	case u.Delete != nil:
		d.GlobalSecondaryIndexes = slices.DeleteFunc(d.GlobalSecondaryIndexes, func(ix Index) bool { return *ix.IndexName == *u.Delete.IndexName })
		delete(def.IndexNos, *u.Delete.IndexName)
		d.removeUnusedDefinitions()
	}
}

// merged adds the definitions of attributes that have none yet.
func merged(have, more []AttributeDefinition) []AttributeDefinition {
	names := definedNames(have)
	for _, d := range more {
		if !slices.Contains(names, *d.AttributeName) {
			have = append(have, d)
		}
	}
	return have
}

// removeUnusedDefinitions removes the definitions of attributes that are in no key.
func (d *TableDescription) removeUnusedDefinitions() {
	used := keyNames(d.KeySchema)
	for _, ix := range d.LocalSecondaryIndexes {
		used = append(used, keyNames(ix.KeySchema)...)
	}
	for _, ix := range d.GlobalSecondaryIndexes {
		used = append(used, keyNames(ix.KeySchema)...)
	}
	d.AttributeDefinitions = slices.DeleteFunc(d.AttributeDefinitions, func(a AttributeDefinition) bool { return !slices.Contains(used, *a.AttributeName) })
}

// created and deleted return the name of the index that in creates or deletes, ""
// for none.
func (in *UpdateTableInput) created() string {
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if u.Create != nil {
			return u.name()
		}
	}
	return ""
}

func (in *UpdateTableInput) deleted() string {
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if u.Delete != nil {
			return u.name()
		}
	}
	return ""
}

// updatingDescription returns the table's description during the change from old to
// next.
func updatingDescription(old, next *table, in *UpdateTableInput) *TableDescription {
	d := next.describe()
	d.TableStatus = "UPDATING"
	if in.BillingMode == "" {
		d.ProvisionedThroughput = throughputBefore(old.def.Description.ProvisionedThroughput, d.ProvisionedThroughput)
	}
	for i := range d.GlobalSecondaryIndexes {
		x := &d.GlobalSecondaryIndexes[i]
		if *x.IndexName == in.created() {
			x.IndexStatus, x.Backfilling = "CREATING", new(bool)
			continue
		}
		was := old.def.Description.global(*x.IndexName)
		if *was.ProvisionedThroughput.ReadCapacityUnits != *x.ProvisionedThroughput.ReadCapacityUnits ||
			*was.ProvisionedThroughput.WriteCapacityUnits != *x.ProvisionedThroughput.WriteCapacityUnits {
			x.IndexStatus = "UPDATING"
			x.ProvisionedThroughput = throughputBefore(was.ProvisionedThroughput, x.ProvisionedThroughput)
		}
	}
	if name := in.deleted(); name != "" {
		gone := *old.def.Description.global(name)
		gone.IndexStatus = "DELETING"
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, gone)
	}
	return d
}

// throughputBefore returns the throughput before a change, with the times of the
// change.
func throughputBefore(before, after *Throughput) *Throughput {
	t := *before
	t.LastIncreaseDateTime, t.LastDecreaseDateTime = after.LastIncreaseDateTime, after.LastDecreaseDateTime
	return &t
}
