// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_OnDemandThroughput.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_WarmThroughput.html

package dynamodb

// cleared is the maximum that UpdateTable removes.
const cleared = -1

// check checks the maximums of what, a table or index that has the billing mode. They
// are at least least or, where least isn't positive, cleared.
func (o *OnDemandThroughput) check(what, mode string, least int64) error {
	if o == nil {
		return nil
	}
	for _, m := range []struct {
		name  string
		units *int64
	}{{"MaxReadRequestUnits", o.MaxReadRequestUnits}, {"MaxWriteRequestUnits", o.MaxWriteRequestUnits}} {
		switch {
		case m.units == nil:
		case mode != "PAY_PER_REQUEST":
			return invalid(paramsInvalid+"%s for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED", m.name)
		case *m.units < least || *m.units == 0:
			return invalid(paramsInvalid+"Requested %s for OnDemandThroughput for %s is outside of valid range", m.name, what)
		}
	}
	return nil
}

// merged returns the maximums after a change to o: absent ones stay.
func (o *OnDemandThroughput) merged(change *OnDemandThroughput) *OnDemandThroughput {
	if change == nil {
		return o
	}
	var sum OnDemandThroughput
	if o != nil {
		sum = *o
	}
	if change.MaxReadRequestUnits != nil {
		sum.MaxReadRequestUnits = change.MaxReadRequestUnits
	}
	if change.MaxWriteRequestUnits != nil {
		sum.MaxWriteRequestUnits = change.MaxWriteRequestUnits
	}
	return &sum
}

// The warm throughput of a new table in on-demand mode.
const warmReads, warmWrites = 12000, 4000

// atLeast returns w, with what t or the on-demand mode guarantees in the place of what
// is absent or lower.
func (w *WarmThroughput) atLeast(t *Throughput) *WarmThroughput {
	reads, writes := int64(warmReads), int64(warmWrites)
	if t != nil && *t.ReadCapacityUnits != 0 {
		reads, writes = *t.ReadCapacityUnits, *t.WriteCapacityUnits
	}
	if w != nil && w.ReadUnitsPerSecond != nil {
		reads = max(reads, *w.ReadUnitsPerSecond)
	}
	if w != nil && w.WriteUnitsPerSecond != nil {
		writes = max(writes, *w.WriteUnitsPerSecond)
	}
	return &WarmThroughput{&reads, &writes, "ACTIVE"}
}

// merged returns the warm throughput after a change to w: absent parts stay.
func (w *WarmThroughput) merged(change *WarmThroughput, t *Throughput) *WarmThroughput {
	if change == nil {
		return w
	}
	sum := *change
	if w != nil && sum.ReadUnitsPerSecond == nil {
		sum.ReadUnitsPerSecond = w.ReadUnitsPerSecond
	}
	if w != nil && sum.WriteUnitsPerSecond == nil {
		sum.WriteUnitsPerSecond = w.WriteUnitsPerSecond
	}
	return sum.atLeast(t)
}

// checkNew checks the warm throughput of a new table or index.
func (w *WarmThroughput) checkNew(what string, t *Throughput) error {
	const onDemand = "is lower than initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html"
	reason := func(string) string { return onDemand }
	if t != nil {
		reason = func(units string) string { return "is lower than " + units + " of ProvisionedThroughput" }
	}
	return w.check(what, (*WarmThroughput)(nil).atLeast(t), reason)
}

// checkIncrease checks a change of have, the warm throughput of a table or index.
func (w *WarmThroughput) checkIncrease(what string, have *WarmThroughput) error {
	return w.check(what, have, func(string) string {
		return "is lower than current WarmThroughput, decreasing WarmThroughput is not supported"
	})
}

func (w *WarmThroughput) check(what string, least *WarmThroughput, reason func(units string) string) error {
	switch {
	case w == nil:
		return nil
	case w.ReadUnitsPerSecond != nil && *w.ReadUnitsPerSecond < *least.ReadUnitsPerSecond:
		return invalid(paramsInvalid+"Requested ReadUnitsPerSecond for WarmThroughput for %s %s", what, reason("ReadCapacityUnits"))
	case w.WriteUnitsPerSecond != nil && *w.WriteUnitsPerSecond < *least.WriteUnitsPerSecond:
		return invalid(paramsInvalid+"Requested WriteUnitsPerSecond for WarmThroughput for %s %s", what, reason("WriteCapacityUnits"))
	}
	return nil
}
