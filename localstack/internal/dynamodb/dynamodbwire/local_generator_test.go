package dynamodbwire_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A generator makes random operations on the table tab of TestDynamoDBLocal:
// most are good, some aren't.
type generator struct{ *rand.Rand }

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) operation() (op string, in object) {
	next := pick(g, g.put, g.put, g.update, g.update, g.delete, g.get, g.query, g.query, g.scan, g.batchWrite, g.batchGet, g.transactWrite, g.transactGet)
	return next()
}

func str(v string) object { return object{"S": v} }
func num(v string) object { return object{"N": v} }

func (g *generator) key() object {
	return object{"pk": str(pick(g, "a", "b", "a\x00", "é", "\U0001f600")), "sk": num(pick(g, "-1.5", "0", "2", "10", "1e3", "0.001"))}
}

// values are the attribute values that items have, by the names that
// expressions give them.
var values = object{
	":s": str("hello"), ":h": str("he"), ":e": str(""), ":n": num("5"), ":t": num("2.50"), ":b": object{"B": "YWJj"}, ":true": object{"BOOL": true}, ":z": object{"NULL": true},
	":l": object{"L": []any{num("1"), str("two")}}, ":m": object{"M": object{"k": str("v"), "d": object{"L": []any{num("7")}}}},
	":ss": object{"SS": []any{"a", "b"}}, ":ns": object{"NS": []any{"1", "2"}}, ":bs": object{"BS": []any{"YQ=="}}, ":S": str("S"), ":M": str("M"),
}

var valueNames = []string{":s", ":h", ":e", ":n", ":t", ":b", ":true", ":z", ":l", ":m", ":ss", ":ns", ":bs", ":S", ":M"}

var attributes = []string{"s1", "n1", "b1", "l1", "m", "ss1", "x1"}

func (g *generator) item() object {
	it := g.key()
	for _, a := range attributes {
		if g.IntN(2) == 0 {
			it[a] = values[pick(g, valueNames...)]
		}
	}
	if g.IntN(2) == 0 {
		it["l"] = num(pick(g, "1", "2", "-3"))
	}
	if g.IntN(2) == 0 {
		it["g"] = str(pick(g, "x", "y"))
	}
	if g.IntN(25) == 0 {
		it["g"] = num("1") // of the wrong type for the index
	}
	return it
}

func (g *generator) path() string {
	return pick(g, attributes...) + pick(g, "", "", "", "", ".k", "[0]", "[1]", ".d[0]", "[0].x")
}

func (g *generator) operand() string {
	if g.IntN(2) == 0 {
		return pick(g, valueNames...)
	}
	if g.IntN(6) == 0 {
		return "size(" + g.path() + ")"
	}
	return g.path()
}

func (g *generator) condition(depth int) string {
	if depth > 0 && g.IntN(3) == 0 {
		a, b := g.condition(depth-1), g.condition(depth-1)
		return pick(g, a+" AND "+b, "("+a+" OR "+b+")", "NOT "+a, "NOT ("+a+")")
	}
	return pick(g,
		g.operand()+" "+pick(g, "=", "<>", "<", "<=", ">", ">=")+" "+g.operand(),
		g.operand()+" "+pick(g, "=", "<>", "<", "<=", ">", ">=")+" "+g.operand(),
		g.path()+" BETWEEN "+g.operand()+" AND "+g.operand(),
		g.path()+" IN ("+g.operand()+", "+g.operand()+")",
		"attribute_exists("+g.path()+")", "attribute_not_exists("+g.path()+")", "attribute_type("+g.path()+", "+pick(g, ":S", ":M", ":s")+")",
		"begins_with("+g.path()+", "+g.operand()+")", "contains("+g.path()+", "+g.operand()+")",
	)
}

func (g *generator) change() string {
	val := pick(g, g.operand(), g.operand(), g.path()+" + :n", ":t - "+g.path(), "if_not_exists("+g.path()+", "+g.operand()+")",
		"list_append("+g.path()+", :l)", "list_append(if_not_exists("+g.path()+", :l), "+g.path()+")", "if_not_exists("+g.path()+", :n) + :t")
	return pick(g,
		"SET "+g.path()+" = "+val, "SET "+g.path()+" = "+val, "SET "+g.path()+" = "+val+", "+g.path()+" = "+g.operand(),
		"REMOVE "+g.path(), "REMOVE "+g.path()+", "+g.path(), "ADD "+g.path()+" "+pick(g, ":n", ":ss", ":ns", ":s"), "DELETE "+g.path()+" "+pick(g, ":ss", ":ns", ":bs"),
		"SET "+g.path()+" = "+val+" REMOVE "+g.path(), "SET g = "+pick(g, ":h", ":s"), "SET l = :n", "REMOVE g",
	)
}

var usedValues = regexp.MustCompile(`:\w+`)

// express puts an expression into a request, with the values that it uses.
func express(in object, name, text string) {
	in[name] = text
	used, _ := in["ExpressionAttributeValues"].(object)
	for _, v := range usedValues.FindAllString(text, -1) {
		if used == nil {
			used = object{}
			in["ExpressionAttributeValues"] = used
		}
		used[v] = values[v]
	}
}

func (g *generator) guarded(in object) object {
	if g.IntN(2) == 0 {
		express(in, "ConditionExpression", g.condition(2))
		if g.IntN(2) == 0 {
			in["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
		}
	}
	return in
}

func (g *generator) put() (string, object) {
	return "PutItem", g.guarded(object{"TableName": "tab", "Item": g.item(), "ReturnValues": pick(g, "NONE", "ALL_OLD", "ALL_OLD", "UPDATED_NEW")})
}

func (g *generator) delete() (string, object) {
	return "DeleteItem", g.guarded(object{"TableName": "tab", "Key": g.key(), "ReturnValues": pick(g, "NONE", "ALL_OLD")})
}

func (g *generator) update() (string, object) {
	in := object{"TableName": "tab", "Key": g.key(), "ReturnValues": pick(g, "NONE", "ALL_OLD", "ALL_NEW")}
	express(in, "UpdateExpression", g.change())
	// Of a nested path Local returns the whole attribute; AWS, the path.
	if !strings.ContainsAny(in["UpdateExpression"].(string), ".[") {
		in["ReturnValues"] = pick(g, "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
	}
	return "UpdateItem", g.guardedUpdate(in)
}

// guardedUpdate is guarded for an update. Where there is no item, Local lets one that
// only removes make an item; AWS doesn't.
func (g *generator) guardedUpdate(in object) object {
	if update := in["UpdateExpression"].(string); strings.HasPrefix(update, "REMOVE") || strings.HasPrefix(update, "DELETE") {
		in["ConditionExpression"] = "attribute_exists(pk)"
		return in
	}
	return g.guarded(in)
}

func (g *generator) projected(in object) object {
	if g.IntN(3) == 0 {
		in["ProjectionExpression"] = strings.Join([]string{g.path(), "sk", g.path()}, ", ")
	}
	return in
}

func (g *generator) get() (string, object) {
	return "GetItem", g.projected(object{"TableName": "tab", "Key": g.key(), "ConsistentRead": g.IntN(2) == 0})
}

func (g *generator) page(in object) object {
	if g.IntN(2) == 0 {
		in["Limit"] = 1 + g.IntN(4)
	}
	// Local shows a filter what a global index doesn't hold; AWS doesn't.
	if g.IntN(2) == 0 && in["IndexName"] != "glo" {
		express(in, "FilterExpression", g.condition(1))
	}
	if in["IndexName"] == nil {
		g.projected(in)
	}
	return in
}

func (g *generator) query() (string, object) {
	in := object{"TableName": "tab", "ScanIndexForward": g.IntN(2) == 0}
	hash, sort, part := "pk", "sk", g.key()["pk"]
	switch g.IntN(3) {
	case 0:
		in["IndexName"], sort = "loc", "l"
	case 1:
		in["IndexName"], hash, part = "glo", "g", str(pick(g, "x", "y"))
	}
	text := hash + " = :part" + pick(g, "", "", " AND "+sort+pick(g, " = ", " < ", " <= ", " > ", " >= ")+":n", " AND "+sort+" BETWEEN :t AND :n", " AND begins_with("+sort+", :h)")
	express(in, "KeyConditionExpression", text)
	in["ExpressionAttributeValues"].(object)[":part"] = part
	return "Query", g.page(in)
}

func (g *generator) scan() (string, object) {
	in := object{"TableName": "tab"}
	if x := pick(g, "", "loc", "glo"); x != "" {
		in["IndexName"] = x
	}
	return "Scan", g.page(in)
}

// keys are different keys: of two faults in a request, one of which is a key
// that comes twice, Local tells the other.
func (g *generator) keys(most int) []object {
	out := []object{g.key()}
	for range g.IntN(most) {
		if k := g.key(); !slices.ContainsFunc(out, func(o object) bool { return reflect.DeepEqual(o, k) }) {
			out = append(out, k)
		}
	}
	return out
}

func (g *generator) batchGet() (string, object) {
	return "BatchGetItem", object{"RequestItems": object{"tab": g.projected(object{"Keys": g.keys(4)})}}
}

func (g *generator) batchWrite() (string, object) {
	var ws []object
	for _, key := range g.keys(4) {
		if g.IntN(3) == 0 {
			ws = append(ws, object{"DeleteRequest": object{"Key": key}})
			continue
		}
		it := g.item()
		maps.Copy(it, key)
		ws = append(ws, object{"PutRequest": object{"Item": it}})
	}
	return "BatchWriteItem", object{"RequestItems": object{"tab": ws}}
}

func (g *generator) transactGet() (string, object) {
	var gets []object
	for _, k := range g.keys(4) {
		gets = append(gets, object{"Get": g.projected(object{"TableName": "tab", "Key": k})})
	}
	return "TransactGetItems", object{"TransactItems": gets}
}

func (g *generator) transactWrite() (string, object) {
	var actions []object
	for _, key := range g.keys(3) {
		a := object{"TableName": "tab"}
		kind := pick(g, "Put", "Delete", "Update", "ConditionCheck")
		switch kind {
		case "Put":
			it := g.item()
			maps.Copy(it, key)
			a["Item"] = it
		default:
			a["Key"] = key
		}
		switch kind {
		case "Update":
			express(a, "UpdateExpression", g.change())
			g.guardedUpdate(a)
		case "ConditionCheck":
			express(a, "ConditionExpression", g.condition(1))
		default:
			g.guarded(a)
		}
		actions = append(actions, object{kind: a})
	}
	return "TransactWriteItems", object{"TransactItems": actions, "ClientRequestToken": fmt.Sprint("t", g.Uint32())}
}
