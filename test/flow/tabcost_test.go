package flow

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

const (
	// maxTab is the limit for an hour of a tab that somebody uses, in dollars.
	maxTab = 0.005
	// tabStep is what the table is rounded up to: how jobs are spread over shards is random.
	tabStep = 0.001
)

// TestCostOfATab: what the page asks for in an hour, as web/src/pace.test.ts counted it, with
// 10 workers and 100 jobs, one of which runs.
func TestCostOfATab(t *testing.T) {
	b, err := os.ReadFile("../../web/requests.json")
	must(t, err)
	var pages map[string]map[string]int
	must(t, json.Unmarshal(b, &pages))
	counted(t, func(c *costly) {
		c.fillPage()
		prices := c.priceRequests()
		var table strings.Builder
		table.WriteString("| what is open | requests an hour | $ an hour, at most |\n|---|---:|---:|\n")
		for _, page := range slices.Sorted(maps.Keys(pages)) {
			requests, dollars := 0, 0.0
			for what, n := range pages[page] {
				price, ok := prices[what]
				if !ok {
					t.Errorf("nobody knows what %q costs", what)
				}
				requests += n
				dollars += float64(n) * price
			}
			fmt.Fprintf(&table, "| %s | %d | %.3f |\n", page, requests, math.Ceil(dollars/tabStep)*tabStep)
			t.Logf("%s: $%.5f", page, dollars)
			if dollars > maxTab {
				t.Errorf("%s: $%.4f an hour; the limit is $%.3f", page, dollars, maxTab)
			}
		}
		document(t, "tab", table.String())
	})
}

// fillPage makes what there is to see.
func (c *costly) fillPage() {
	ctx := c.t.Context()
	for i := range 9 {
		_, err := c.client(c.t, errand.RoleAgent).Register(ctx, errand.Registration{Name: fmt.Sprint(i)})
		c.must(err)
	}
	c.begin(true)
	job := api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}
	for range 99 {
		_, err := c.user.CreateJob(ctx, job, "")
		c.must(err)
	}
	_, _, err := c.user.CreateSchedule(ctx, api.CreateSchedule{Name: "nightly", Cron: "0 3 * * *", Job: job})
	c.must(err)
}

// priceRequests is what each of the page's requests costs, in dollars.
func (c *costly) priceRequests() map[string]float64 {
	ctx, at := c.t.Context(), &api.LogPosition{}
	waiting, err := c.user.Jobs(ctx, errand.Pending, "", 1, "")
	c.must(err)
	c.chunk(0, 1000)
	c.read(at)
	dear := c.price(func() error { _, err := c.user.Explain(ctx, waiting.Jobs[0].ID); return err })
	quiet := c.price(func() error { c.read(at); return nil })
	c.chunk(1000, 1000)
	return map[string]float64{
		"explain":          dear,
		"log without news": quiet,
		"log":              c.price(func() error { c.read(at); return nil }),
		"workers":          c.price(func() error { _, err := c.user.Workers(ctx, ""); return err }),
		"jobs":             c.price(func() error { _, err := c.user.Jobs(ctx, "", "", 100, ""); return err }),
		"runningJobs":      c.price(func() error { _, err := c.user.Jobs(ctx, errand.Running, "", 100, ""); return err }),
		"queues":           c.price(func() error { _, err := c.user.Queues(ctx); return err }),
		"schedules":        c.price(func() error { _, err := c.user.Schedules(ctx, ""); return err }),
		"state":            c.price(func() error { _, err := c.user.Job(ctx, c.asg.JobID); return err }),
	}
}

// price is what f costs in dollars.
func (c *costly) price(f func() error) float64 {
	c.t.Helper()
	before := c.stack.Usage()
	c.must(f())
	dollars, _ := c.since(before, 0, 0).bill(1, "$")
	return dollars
}
