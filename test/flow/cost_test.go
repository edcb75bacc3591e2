package flow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/localstack"
)

// prices in dollars per million, us-east-1, November 2026.
const (
	priceAPIRequest = 1.00
	priceInvoke     = 0.20
	priceGBSecond   = 13.3334
	priceWriteUnit  = 0.625
	priceReadUnit   = 0.125
	priceSQS        = 0.50
	priceS3Write    = 5.00
	priceS3Read     = 0.40

	// What an invocation is taken to last, in GB-seconds: 256 MB for 20 ms.
	gbSeconds = 0.25 * 0.020

	// maxDollars is the design's goal for a million jobs that do nothing.
	maxDollars = 25.0
)

// TestCostOfAJob counts what a job that does nothing costs, as AWS bills it:
// created, taken, accepted, reported, and its status and log read once.
func TestCostOfAJob(t *testing.T) {
	stack, srv, svc := apiServer(t)
	for role, token := range map[errand.Role]string{errand.RoleUser: "u", errand.RoleAgent: "a"} {
		if err := svc.GrantToken(t.Context(), token, role, "ann", nil); err != nil {
			t.Fatal(err)
		}
	}
	user := &api.Client{BaseURL: srv.URL, Token: "u"}
	reg, err := user.WithToken("a").Register(t.Context(), errand.Registration{Name: "host"})
	if err != nil {
		t.Fatal(err)
	}
	before := stack.Usage()

	worker := user.WithToken(reg.Token)
	if _, err := user.CreateJob(t.Context(), api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}, "key"); err != nil {
		t.Fatal(err)
	}
	a, err := worker.GetJob(t.Context(), reg.WorkerID, reg.Epoch, "p", 0)
	if err != nil || a == nil {
		t.Fatalf("get-job: %+v, %v", a, err)
	}
	_, err = worker.Heartbeat(t.Context(), errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: a.Attempt}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := worker.SubmitResult(t.Context(), api.SubmitResult{WorkerID: reg.WorkerID, Epoch: reg.Epoch, JobID: a.JobID, Attempt: a.Attempt}); err != nil {
		t.Fatal(err)
	}
	if _, err := user.Job(t.Context(), a.JobID); err != nil {
		t.Fatal(err)
	}
	page, err := user.Logs(t.Context(), a.JobID, 0, 0, 0)
	if err != nil || !page.Done {
		t.Fatalf("logs: %+v, %v", page, err)
	}

	dollars, table := bill(before, stack.Usage())
	t.Logf("one job that does nothing:\n%s", table)
	if dollars > maxDollars {
		t.Errorf("$%.2f for a million jobs; the goal is $%.0f", dollars, maxDollars)
	}
}

// bill adds up what was used between two counts: dollars for a million times
// that, and a table of it.
func bill(before, after map[string]localstack.Usage) (dollars float64, table string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %6s %7s %7s %9s\n", "operation", "calls", "reads", "writes", "$/million")
	for _, op := range slices.Sorted(maps.Keys(after)) {
		u := after[op]
		u.Calls -= before[op].Calls
		u.ReadUnits -= before[op].ReadUnits
		u.WriteUnits -= before[op].WriteUnits
		if u.Calls == 0 {
			continue
		}
		cost := price(op, u)
		dollars += cost
		fmt.Fprintf(&b, "%-26s %6d %7.1f %7.1f %9.2f\n", op, u.Calls, u.ReadUnits, u.WriteUnits, cost)
	}
	fmt.Fprintf(&b, "%-26s %32.2f", "in all", dollars)
	return dollars, b.String()
}

func price(op string, u localstack.Usage) float64 {
	n := float64(u.Calls)
	switch service, name, _ := strings.Cut(op, "."); {
	case service == "apigateway":
		return n * priceAPIRequest
	case service == "lambda":
		return n * (priceInvoke + priceGBSecond*gbSeconds)
	case service == "dynamodb":
		return u.ReadUnits*priceReadUnit + u.WriteUnits*priceWriteUnit
	case service == "sqs":
		return n * priceSQS
	case name == "GetObject" || name == "HeadObject":
		return n * priceS3Read
	default:
		return n * priceS3Write
	}
}

// TestIdleWorker counts what a minute of waiting costs.
func TestIdleWorker(t *testing.T) {
	stack, srv, svc := apiServer(t)
	if err := svc.GrantToken(t.Context(), "a", errand.RoleAgent, "ann", nil); err != nil {
		t.Fatal(err)
	}
	c := &api.Client{BaseURL: srv.URL, Token: "a"}
	reg, err := c.Register(t.Context(), errand.Registration{})
	if err != nil {
		t.Fatal(err)
	}
	worker := c.WithToken(reg.Token)
	before := stack.Usage()
	polls := int(time.Minute.Milliseconds() / reg.PollIntervalMs)
	for i := range polls {
		if a, err := worker.GetJob(t.Context(), reg.WorkerID, reg.Epoch, fmt.Sprint("p", i), 0); a != nil || err != nil {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	for range int(time.Minute.Milliseconds() / reg.HeartbeatMs) {
		if _, err := worker.Heartbeat(t.Context(), errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch}); err != nil {
			t.Fatal(err)
		}
	}
	dollars, table := bill(before, stack.Usage())
	t.Logf("a worker that waits for a minute, $%.2f a month:\n%s", dollars*60*24*30/1e6, table)
}
