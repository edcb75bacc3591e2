package bench

import (
	"fmt"
	"io"
	"testing"
	"text/tabwriter"
)

// A row is one subject's line in the table at the end of a run.
type row struct {
	workload, subject string
	value             string // with its unit
	floor             string // whose value it is divided by; "" is a floor
	ratio             float64
	target            string // what the ratio, or the value, should be; "" is no target
}

// table collects the rows of a run. Benchmarks run one after another.
type table struct{ rows []row }

var results table

// add adds a row to the table. If the testing package runs a benchmark again with a
// larger N, the new rows replace the old ones.
func (t *table) add(r row) {
	for i := range t.rows {
		if t.rows[i].workload == r.workload && t.rows[i].subject == r.subject {
			t.rows[i] = r
			return
		}
	}
	t.rows = append(t.rows, r)
}

func (t *table) print(w io.Writer) {
	if len(t.rows) == 0 {
		return
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nworkload\tsubject\tmeasured\tratio\tof\ttarget")
	last := ""
	for _, r := range t.rows {
		name := r.workload
		if name == last {
			name = ""
		}
		last = r.workload
		ratio := ""
		if r.floor != "" {
			ratio = fmt.Sprintf("%.2f", r.ratio)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", name, r.subject, r.value, ratio, r.floor, r.target)
	}
	tw.Flush()
}

// note adds a measurement that isn't a rate: a time or a size.
func note(b *testing.B, r row, unit string, v float64) {
	r.workload = b.Name()
	results.add(r)
	b.ReportMetric(v, unit)
}
