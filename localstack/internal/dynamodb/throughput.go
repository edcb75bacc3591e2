// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ProvisionedThroughput.html

package dynamodb

import "time"

// A change of throughput is for a table or, by name, for one of its indexes.
type throughputChange struct {
	what     string // table, index
	to, have *Throughput
}

func (in *UpdateTableInput) throughputChanges(d *TableDescription) (all []throughputChange) {
	if in.ProvisionedThroughput != nil {
		all = append(all, throughputChange{"table", in.ProvisionedThroughput, d.ProvisionedThroughput})
	}
	for _, u := range in.GlobalSecondaryIndexUpdates {
		if u.Update != nil && u.Update.ProvisionedThroughput != nil {
			all = append(all, throughputChange{"index", u.Update.ProvisionedThroughput, d.global(*u.Update.IndexName).ProvisionedThroughput})
		}
	}
	return all
}

// global returns the global index with a name, nil if there is none.
func (d *TableDescription) global(name string) *Index {
	for i := range d.GlobalSecondaryIndexes {
		if *d.GlobalSecondaryIndexes[i].IndexName == name {
			return &d.GlobalSecondaryIndexes[i]
		}
	}
	return nil
}

// applyThroughput changes the units of the table and its indexes.
func (in *UpdateTableInput) applyThroughput(d *TableDescription, now time.Time) error {
	for _, c := range in.throughputChanges(d) {
		if err := c.apply(now); err != nil {
			return err
		}
	}
	return nil
}

func (c throughputChange) apply(now time.Time) error {
	reads, writes := *c.to.ReadCapacityUnits-*c.have.ReadCapacityUnits, *c.to.WriteCapacityUnits-*c.have.WriteCapacityUnits
	if reads == 0 && writes == 0 {
		return invalid("The provisioned throughput for the %s will not change. The requested value equals the current value. "+
			"Current ReadCapacityUnits provisioned for the %s: %d. Requested ReadCapacityUnits: %d. "+
			"Current WriteCapacityUnits provisioned for the %s: %d. Requested WriteCapacityUnits: %d. "+
			"Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.",
			c.what, c.what, *c.have.ReadCapacityUnits, *c.to.ReadCapacityUnits, c.what, *c.have.WriteCapacityUnits, *c.to.WriteCapacityUnits)
	}
	if reads < 0 || writes < 0 {
		if err := c.have.decrease(now); err != nil {
			return err
		}
	}
	if reads > 0 || writes > 0 {
		c.have.LastIncreaseDateTime = new(unixSeconds(now))
	}
	c.have.ReadCapacityUnits, c.have.WriteCapacityUnits = c.to.ReadCapacityUnits, c.to.WriteCapacityUnits
	return nil
}

// freeDecreases is the number of decreases a day that may be made at any time. Each
// further one must be an hour after the previous one ("Service quotas": decreasing
// throughput).
const freeDecreases = 4

// decrease counts a decrease, or fails if none is left on this day (UTC).
func (t *Throughput) decrease(now time.Time) error {
	last := time.Unix(0, 0)
	if t.LastDecreaseDateTime != nil {
		last = time.UnixMilli(int64(*t.LastDecreaseDateTime * 1000))
	}
	if last.UTC().Format(time.DateOnly) != now.UTC().Format(time.DateOnly) {
		t.NumberOfDecreasesToday = 0
	}
	if next := last.Add(time.Hour); t.NumberOfDecreasesToday >= freeDecreases && now.Before(next) {
		return badRequest("LimitExceededException", "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. "+
			"After the first %d decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 seconds. "+
			"Number of decreases today: %d. Last decrease at %s. Next decrease can be made at %s",
			freeDecreases, t.NumberOfDecreasesToday, last.UTC().Format(time.RFC1123), next.UTC().Format(time.RFC1123))
	}
	t.NumberOfDecreasesToday++
	t.LastDecreaseDateTime = new(unixSeconds(now))
	return nil
}

// applyBilling changes the billing mode. A table in on-demand mode has no units.
func (in *UpdateTableInput) applyBilling(d *TableDescription, now time.Time) {
	if in.BillingMode == "" || in.BillingMode == d.billingMode() {
		return
	}
	was := d.BillingModeSummary
	d.BillingModeSummary = &BillingModeSummary{BillingMode: in.BillingMode}
	d.TableThroughputModeSummary = &ThroughputMode{TableThroughputMode: in.BillingMode}
	if was != nil {
		d.BillingModeSummary.LastUpdateToPayPerRequestDateTime = was.LastUpdateToPayPerRequestDateTime
	}
	if in.BillingMode == "PAY_PER_REQUEST" {
		d.BillingModeSummary.LastUpdateToPayPerRequestDateTime = new(unixSeconds(now))
		d.ProvisionedThroughput.clear()
		for i := range d.GlobalSecondaryIndexes {
			d.GlobalSecondaryIndexes[i].ProvisionedThroughput.clear()
		}
	}
	d.TableThroughputModeSummary.LastUpdateToPayPerRequestDateTime = d.BillingModeSummary.LastUpdateToPayPerRequestDateTime
}

func (t *Throughput) clear() { t.ReadCapacityUnits, t.WriteCapacityUnits = new(int64), new(int64) }

// billingMode is how the table is paid for.
func (d *TableDescription) billingMode() string {
	if d.BillingModeSummary == nil {
		return "PROVISIONED"
	}
	return d.BillingModeSummary.BillingMode
}
