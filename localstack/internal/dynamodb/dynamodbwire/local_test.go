package dynamodbwire_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
	"github.com/errandhq/errand/localstack/internal/dynamodb/dynamodbwire"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// A second opinion: the same random operations go to this engine and to AWS's
// DynamoDB Local, whose answers must be the same but for what is explained in
// explained. `make dynamodb-local` fetches it and runs this.

// TestDynamoDBLocal compares a number of operations (ERRAND_OPERATIONS, 3,000
// by default) of one seed (ERRAND_SEED).
func TestDynamoDBLocal(t *testing.T) {
	lib := os.Getenv("DYNAMODB_LOCAL_LIB")
	if lib == "" {
		t.Skip("DYNAMODB_LOCAL_LIB names no directory with DynamoDB Local: make dynamodb-local runs this")
	}
	p := &pair{T: t, theirs: startLocal(t, lib), ours: startOurs(t)}
	g := &generator{rand.New(rand.NewPCG(number(t, "ERRAND_SEED", 1), 0))}
	p.both("CreateTable", object{
		"TableName": "tab", "BillingMode": "PAY_PER_REQUEST", "KeySchema": keyOf("pk", "sk"),
		"AttributeDefinitions":   []object{{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}, {"AttributeName": "l", "AttributeType": "N"}, {"AttributeName": "g", "AttributeType": "S"}},
		"LocalSecondaryIndexes":  []object{{"IndexName": "loc", "KeySchema": keyOf("pk", "l"), "Projection": object{"ProjectionType": "ALL"}}},
		"GlobalSecondaryIndexes": []object{{"IndexName": "glo", "KeySchema": keyOf("g", "sk"), "Projection": object{"ProjectionType": "INCLUDE", "NonKeyAttributes": []string{"m"}}}},
	})
	for i := range number(t, "ERRAND_OPERATIONS", 3000) {
		op, in := g.operation()
		p.compare(i, op, in)
		if t.Failed() && p.differences > 20 {
			t.Fatal("too many differences")
		}
	}
	t.Logf("%d operations gave the same success, %d the same error, %d explained differences", p.successes, p.errors, p.explained)
}

func number(t *testing.T, name string, byDefault uint64) uint64 {
	s := os.Getenv(name)
	if s == "" {
		return byDefault
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(name, err)
	}
	return n
}

// startLocal starts DynamoDB Local and returns its URL.
func startLocal(t *testing.T, lib string) string {
	cmd := exec.Command("java", "-Xmx512m", "-Dsqlite4java.library.path="+lib, "-cp", lib+"/*", "testdata/dynamodblocal/Loopback.java")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // which ends it
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "url "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return url
		}
	}
	t.Fatal("DynamoDB Local ended before it listened")
	return ""
}

func startOurs(t *testing.T) string {
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem(), Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	e, err := dynamodb.Open(dynamodb.Config{Config: engine.Config{Store: store, Clock: clock.NewManual(time.Unix(1_800_000_000, 0))}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(dynamodbwire.New(e, dynamodbwire.Options{}))
	t.Cleanup(func() {
		srv.Close()
		e.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv.URL
}

type object = map[string]any

func keyOf(hash, sort string) []object {
	return []object{{"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}}
}

// A pair is the two services.
type pair struct {
	*testing.T
	theirs, ours                              string
	successes, errors, explained, differences int
}

// both makes one call to each.
func (p *pair) both(op string, in object) (theirs, ours object) {
	return p.call(p.theirs, op, in), p.call(p.ours, op, in)
}

func (p *pair) call(url, op string, in object) object {
	p.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		p.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20270115/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.Fatal(err)
	}
	defer resp.Body.Close()
	out := object{}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		p.Fatal(op, err)
	}
	return out
}

// pages is a call of Query or Scan repeated to the end, as one answer. limited
// keeps the ends of pages out of the comparison: where items have one sort key
// in an index, or in a scan, AWS gives them any order.
func (p *pair) pages(url, op string, in object) object {
	all := object{"Items": []any{}, "Count": 0.0, "ScannedCount": 0.0}
	for {
		out := p.call(url, op, in)
		if out["__type"] != nil {
			return out
		}
		items, _ := out["Items"].([]any)
		all["Items"] = append(all["Items"].([]any), items...)
		all["Count"] = all["Count"].(float64) + out["Count"].(float64)
		all["ScannedCount"] = all["ScannedCount"].(float64) + out["ScannedCount"].(float64)
		if out["LastEvaluatedKey"] == nil {
			return all
		}
		in = withMember(in, "ExclusiveStartKey", out["LastEvaluatedKey"])
	}
}

func withMember(in object, name string, v any) object {
	out := object{name: v}
	for k, v := range in {
		if k != name {
			out[k] = v
		}
	}
	return out
}

func (p *pair) compare(i uint64, op string, in object) {
	var theirs, ours object
	if op == "Query" || op == "Scan" {
		theirs, ours = p.pages(p.theirs, op, in), p.pages(p.ours, op, in)
	} else {
		theirs, ours = p.both(op, in)
	}
	a, b := normal(theirs), normal(ours)
	if op == "Scan" || op == "BatchGetItem" || op == "Query" && in["IndexName"] != nil {
		a, b = unordered(a), unordered(b)
	}
	switch {
	case reflect.DeepEqual(a, b) && theirs["__type"] == nil:
		p.successes++
	case reflect.DeepEqual(a, b):
		p.errors++
	case isExplained(a, b):
		p.explained++
	default:
		p.differences++
		request, _ := json.Marshal(in)
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		p.Errorf("operation %d: %s %s\ntheirs %s\n  ours %s", i, op, request, x, y)
	}
}

// inUpdate are the faults of an update that the item shows.
const inUpdate = "is invalid for update|does not exist in the item|has an incorrect data type"

// explained are the errors whose texts differ, and why.
var explained = []struct{ theirs, ours, why string }{
	{"valid types: \\{", "valid types: \\{", "the order of a Java set; ours is the one AWS was seen with"},
	{"HeapByteBuffer", "BETWEEN", "Local prints a Java object"},
	{"only supports precision up to 38 digits", "more than 38 significant digits", "a message of Local's own; AWS's is dynalite's"},
	{"The provided key element does not match|number of conditions on the keys|required keys was not given|Type mismatch for key", "does not match the schema|Missing the key|Type mismatch for key", "messages of Local's own; AWS's are dynalite's"},
	{"Input collection", "Input collection", "a full stop, and the members of a binary set"},
	{"cannot be converted into a number", "cannot be converted to a numeric value", "a message of Local's own; AWS's is dynalite's"},
	{"Return values set to invalid value", "ReturnValues can only be", "a message of Local's own; AWS's is dynalite's"},
	{"Type mismatch for Index Key", "", "Local has a shorter message, and looks there before it looks at expressions"},
	{inUpdate, "Type mismatch for Index Key", "two actions are wrong, and Local looks at another first"},
	{inUpdate, inUpdate, "two clauses are wrong, and Local looks at another first"},
	{"BETWEEN operator requires", "BETWEEN operator requires", "Local shows a number as it was written"},
	{"paths overlap.*path two", "paths overlap.*path two", "Local names a path that doesn't overlap, where two others are the same"},
}

// otherCode are the errors that have another code with Local. AWS documents a
// fault that only the item shows as a reason for which a transaction was
// cancelled, ValidationError; Local makes it so for a key's type, where the
// request shows the fault.
var otherCode = [][2]string{
	{"ValidationException", "TransactionCanceledException.*ValidationError"},
	{"TransactionCanceledException.*Type mismatch for Index Key", "Type mismatch for Index Key"},
}

// isExplained reports whether two answers are errors that differ as explained.
func isExplained(theirs, ours any) bool {
	a, b := theirs.(object), ours.(object)
	x, y := fmt.Sprint(a["__type"], a), fmt.Sprint(b["__type"], b)
	if a["__type"] != b["__type"] || a["__type"] == nil {
		return slices.ContainsFunc(otherCode, func(e [2]string) bool {
			return regexp.MustCompile(e[0]).MatchString(x) && regexp.MustCompile(e[1]).MatchString(y)
		})
	}
	return slices.ContainsFunc(explained, func(e struct{ theirs, ours, why string }) bool {
		return regexp.MustCompile(e.theirs).MatchString(x) && regexp.MustCompile(e.ours).MatchString(y)
	})
}

// normal is an answer without what needn't be the same: the namespaces and
// capital letters of errors, the order of sets, the writing of numbers.
func normal(v any) any {
	switch x := v.(type) {
	case object:
		out := object{}
		for k, e := range x {
			switch k {
			case "__type":
				name := fmt.Sprint(e)
				out[k] = name[strings.LastIndex(name, "#")+1:]
			case "Message", "message":
				out["message"] = strings.TrimSuffix(fmt.Sprint(e), ".") // Local has it with and without
			case "ConsumedCapacity": // Local gives it unasked
			case "SS", "NS", "BS":
				out[k] = normalSet(k, e)
			case "N":
				out[k] = canonical(e)
			default:
				out[k] = normal(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = normal(e)
		}
		return out
	}
	return v
}

func canonical(v any) any {
	s, _ := v.(string)
	n, err := value.ParseNumber(s)
	if err != nil {
		return v
	}
	return n
}

func normalSet(kind string, v any) any {
	members, ok := v.([]any)
	if !ok {
		return normal(v) // an attribute that is called so
	}
	var out []string
	for _, m := range members {
		if kind == "NS" {
			m = canonical(m)
		}
		out = append(out, fmt.Sprint(m))
	}
	slices.Sort(out)
	return out
}

// unordered sorts the items of an answer.
func unordered(v any) any {
	out := object{}
	for k, e := range v.(object) {
		if list, ok := e.([]any); ok && k == "Items" {
			e = sortedByText(list)
		}
		if tables, ok := e.(object); ok && k == "Responses" {
			for name, list := range tables {
				tables[name] = sortedByText(list.([]any))
			}
		}
		out[k] = e
	}
	return out
}

func sortedByText(list []any) []any {
	text := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	return slices.AppendSeq([]any{}, slices.Values(slices.SortedFunc(slices.Values(list), func(a, b any) int { return strings.Compare(text(a), text(b)) })))
}
