package flow

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand/localstack"
)

// price is what a million of something costs.
type price struct {
	what    string
	dollars float64
}

// Prices of us-east-1; docs/cost.md shows them, with this date.
const priceDate = "November 2026"

var (
	perRequest = price{"HTTP API, requests (each up to 512 KB)", 1.00}
	perInvoke  = price{"Lambda, invocations", 0.20}
	perSecond  = price{"Lambda arm64, GB-seconds", 13.3334}
	perWrite   = price{"DynamoDB on demand, write units (1 KB)", 0.625}
	perRead    = price{"DynamoDB on demand, read units (4 KB, strongly consistent)", 0.125}
	perTicket  = price{"SQS FIFO, requests (each up to 64 KB)", 0.50}
	perRing    = price{"SQS standard, requests", 0.40}
	perPut     = price{"S3, PUT, POST and LIST requests", 5.00}
	perGet     = price{"S3, GET and HEAD requests", 0.40}
)

// What an invocation is taken to be billed: 256 MB for 20 ms.
const gbSeconds = 0.25 * 0.020

// rate is what a million calls of an operation cost, besides DynamoDB's units.
func rate(op string) float64 {
	switch service, name, _ := strings.Cut(op, "."); {
	case service == "apigateway":
		return perRequest.dollars
	case service == "lambda":
		return perInvoke.dollars + perSecond.dollars*gbSeconds
	case service == "dynamodb":
		return 0
	case service == "sqs" && strings.HasSuffix(name, bellSuffix):
		return perRing.dollars
	case service == "sqs":
		return perTicket.dollars
	case name == "GetObject" || name == "HeadObject":
		return perGet.dollars
	default:
		return perPut.dollars
	}
}

// bellSuffix marks the calls to the bell, which is a standard queue.
const bellSuffix = " (bell)"

// use is what was used between two counts. The stack counts SQS by operation;
// calls to the bell are told apart by who made them.
type use struct{ calls map[string]localstack.Usage }

// since is what was used since before. rings of its messages sent, and heard of
// those received, were the bell's.
func (d *deployed) since(before map[string]localstack.Usage, rings, heard int64) use {
	u := use{calls: d.stack.Usage()}
	for op, was := range before {
		now := u.calls[op]
		now.Calls -= was.Calls
		now.ReadUnits -= was.ReadUnits
		now.WriteUnits -= was.WriteUnits
		u.calls[op] = now
	}
	u.split("sqs.SendMessage", rings)
	u.split("sqs.ReceiveMessage", heard)
	return u
}

// split says that n of the calls of an operation were for the bell.
func (u use) split(op string, n int64) {
	all := u.calls[op]
	all.Calls -= n
	u.calls[op], u.calls[op+bellSuffix] = all, localstack.Usage{Calls: n}
	u.tidy()
}

// tidy drops operations that weren't used.
func (u use) tidy() {
	maps.DeleteFunc(u.calls, func(_ string, v localstack.Usage) bool { return v.Calls == 0 })
}

// bill is what a million times that costs, and a table of it in Markdown.
func (u use) bill(times float64, unit string) (dollars float64, table string) {
	var b strings.Builder
	fmt.Fprintf(&b, "| operation | calls | read units | write units | %s |\n|---|---:|---:|---:|---:|\n", unit)
	for _, op := range slices.Sorted(maps.Keys(u.calls)) {
		v := u.calls[op]
		cost := (float64(v.Calls)*rate(op) + v.ReadUnits*perRead.dollars + v.WriteUnits*perWrite.dollars) * times / 1e6
		dollars += cost
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %.3f |\n", op, v.Calls, units(v.ReadUnits), units(v.WriteUnits), cost)
	}
	fmt.Fprintf(&b, "| **in all** | | | | **%.2f** |\n", dollars)
	return dollars, b.String()
}

func units(n float64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%g", n)
}

// prices is the table of them.
func prices() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| us-east-1, %s | dollars per million |\n|---|---:|\n", priceDate)
	for _, p := range []price{perRequest, perInvoke, perSecond, perWrite, perRead, perTicket, perRing, perPut, perGet} {
		fmt.Fprintf(&b, "| %s | %g |\n", p.what, p.dollars)
	}
	return b.String()
}

var updateDocs = flag.Bool("update-docs", false, "write what was counted into docs/cost.md")

// document checks that docs/cost.md has this text between its marks.
func document(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", "cost.md")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- counted: "+name+" -->\n", "<!-- end -->"
	before, rest, found := strings.Cut(string(b), begin)
	was, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("docs/cost.md has no place for %q", name)
	}
	if was == text {
		return
	}
	if !*updateDocs {
		t.Errorf("docs/cost.md isn't what was counted (go test ./test/flow -run Cost -update-docs writes it):\n%s", text)
		return
	}
	if err := os.WriteFile(file, []byte(before+begin+text+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
