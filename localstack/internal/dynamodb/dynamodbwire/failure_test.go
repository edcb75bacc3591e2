package dynamodbwire

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/engine/enginetest"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestFailuresAreLogged: with the store closed behind it, each operation fails
// with a 500 and leaves one line with its cause; so do a panic and the background
// passes. A closed engine answers 503.
func TestFailuresAreLogged(t *testing.T) {
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	var log enginetest.Log
	manual := clock.NewManual(time.Unix(1_800_000_000, 0))
	passes := make(chan string, 3)
	e, err := dynamodb.Open(dynamodb.Config{Config: engine.Config{
		Store: store, Clock: manual, Logf: log.Logf, PassEnded: func(pass string, _ error) { passes <- pass },
	}})
	if err != nil {
		t.Fatal(err)
	}
	h := New(e, Options{}).(*handler)
	call(t, h, "CreateTable", seedTable)
	call(t, h, "UpdateTimeToLive", `{"TableName":"seed","TimeToLiveSpecification":{"AttributeName":"e","Enabled":true}}`)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	h.operations["Panic"] = func(*http.Request, []byte) (any, error) { panic("no such index") }

	const key = `"TableName":"seed","Key":{"pk":{"S":"p"}}`
	for op, body := range map[string]string{
		"PutItem":            `{"TableName":"seed","Item":{"pk":{"S":"p"}}}`,
		"GetItem":            `{` + key + `}`,
		"UpdateItem":         `{` + key + `}`,
		"Query":              `{"TableName":"seed","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p"}}}`,
		"Scan":               `{"TableName":"seed"}`,
		"BatchWriteItem":     `{"RequestItems":{"seed":[{"DeleteRequest":{"Key":{"pk":{"S":"q"}}}}]}}`,
		"TransactWriteItems": `{"ClientRequestToken":"t","TransactItems":[{"Delete":{` + key + `}}]}`,
		"UpdateTable":        `{"TableName":"seed","DeletionProtectionEnabled":true}`,
		"Panic":              `{}`,
	} {
		cause := "closed"
		if op == "Panic" {
			cause = "panic: no such index"
		}
		w := post(h, op, body)
		lines := log.Take()
		want := fmt.Sprintf("dynamodb: %s (request %s): 500 InternalServerError: ", op, w.Header().Get("X-Amzn-Requestid"))
		if w.Code != http.StatusInternalServerError || len(lines) != 1 || !strings.HasPrefix(lines[0], want) || !strings.Contains(lines[0], cause) {
			t.Errorf("%s: %d %s; logged %q", op, w.Code, w.Body, lines)
		}
		if strings.Contains(w.Body.String(), cause) {
			t.Errorf("%s: the response has the cause: %s", op, w.Body)
		}
	}

	manual.Advance(time.Minute)
	<-passes
	<-passes
	lines := strings.Join(log.Take(), "\n")
	for _, want := range []string{"dynamodb: TTL sweep: remove expired items of seed: ", "dynamodb: client token sweep: "} {
		if !strings.Contains(lines, want) {
			t.Errorf("logged %q, want %q", lines, want)
		}
	}

	e.Close()
	if w := post(h, "ListTables", `{}`); w.Code != http.StatusServiceUnavailable || len(log.Take()) != 1 {
		t.Errorf("after Close: %d %s", w.Code, w.Body)
	}
}

func post(h http.Handler, op, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", targetPrefix+op)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
