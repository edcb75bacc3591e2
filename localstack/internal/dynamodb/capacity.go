// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ConsumedCapacity.html

package dynamodb

// units are the capacity units of an operation, by AWS's rules: a write takes 1 for
// each KB of the larger of the item before and after, a read takes 1 for each 4 KB,
// or half if it is eventually consistent. A transaction doubles them.
type units struct {
	table  float64
	local  map[string]float64 // by index
	global map[string]float64 // by index
}

// A Bill is part of every output of an operation on items.
type Bill struct{ total float64 }

// Units are what the operation was billed, whether the request asked for them or
// not.
func (b Bill) Units() float64 { return b.total }

// bill returns the Bill for u.
func (u units) bill() Bill {
	for _, m := range []map[string]float64{u.local, u.global} {
		for _, n := range m {
			u.table += n
		}
	}
	return Bill{u.table}
}

// billOf returns the Bill for writes, each multiplied by factor.
func billOf(ws []*write, factor float64) (b Bill) {
	for _, w := range ws {
		b.total += factor * w.units.bill().total
	}
	return b
}

func ceilDiv(n, d int) float64 { return float64((n + d - 1) / d) }

// writeUnits and readUnits return the units for a number of bytes; at least one.
func writeUnits(size int) float64 { return max(1, ceilDiv(size, 1<<10)) }

func readUnits(size int, consistent bool) float64 {
	u := max(1, ceilDiv(size, 4<<10))
	if !consistent {
		u /= 2
	}
	return u
}

func (u *units) add(x *index, n float64) {
	m := &u.global
	if x.local {
		m = &u.local
	}
	if *m == nil {
		*m = map[string]float64{}
	}
	(*m)[x.name] += n
}

// plus adds v to u.
func (u *units) plus(v units) {
	u.table += v.table
	for _, m := range []struct {
		to   *map[string]float64
		from map[string]float64
	}{{&u.local, v.local}, {&u.global, v.global}} {
		if *m.to == nil && len(m.from) > 0 {
			*m.to = map[string]float64{}
		}
		for name, n := range m.from {
			(*m.to)[name] += n
		}
	}
}

// consumed returns what ReturnConsumedCapacity asks for: nothing, TOTAL or INDEXES.
func (u units) consumed(want, table string) *ConsumedCapacity {
	if want != "TOTAL" && want != "INDEXES" {
		return nil
	}
	c := &ConsumedCapacity{TableName: table, CapacityUnits: u.bill().total}
	if want == "INDEXES" {
		c.Table = &Capacity{CapacityUnits: u.table}
		c.LocalSecondaryIndexes = capacities(u.local)
		c.GlobalSecondaryIndexes = capacities(u.global)
	}
	return c
}

func capacities(m map[string]float64) map[string]Capacity {
	if len(m) == 0 {
		return nil
	}
	out := map[string]Capacity{}
	for name, n := range m {
		out[name] = Capacity{CapacityUnits: n}
	}
	return out
}

// times returns u multiplied, for transactions.
func (u units) times(f float64) units {
	out := units{table: u.table * f}
	for name, n := range u.local {
		out.add(&index{name: name, local: true}, n*f)
	}
	for name, n := range u.global {
		out.add(&index{name: name}, n*f)
	}
	return out
}

// asReads and asWrites set the kind of units, which AWS does only for transactions.
func (c *ConsumedCapacity) asReads() {
	c.ReadCapacityUnits = &c.CapacityUnits
	c.each(func(part *Capacity) { part.ReadCapacityUnits = new(part.CapacityUnits) })
}

func (c *ConsumedCapacity) asWrites() {
	c.WriteCapacityUnits = &c.CapacityUnits
	c.each(func(part *Capacity) { part.WriteCapacityUnits = new(part.CapacityUnits) })
}

// each calls f for the share of the table and of each index.
func (c *ConsumedCapacity) each(f func(*Capacity)) {
	if c.Table != nil {
		f(c.Table)
	}
	for _, m := range []map[string]Capacity{c.LocalSecondaryIndexes, c.GlobalSecondaryIndexes} {
		for name, part := range m {
			f(&part)
			m[name] = part
		}
	}
}
