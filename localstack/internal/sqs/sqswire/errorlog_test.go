package sqswire

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// TestServerErrorsAreLogged: every 5xx leaves one line with its cause, which the
// caller doesn't see.
func TestServerErrorsAreLogged(t *testing.T) {
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	logf := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	e, err := sqs.Open(sqs.Config{Config: engine.Config{Store: store, Logf: logf}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	h := New(e)
	call := func(query string) (status int, body string) {
		lines = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?"+query, nil))
		return w.Code, w.Body.String()
	}
	if status, body := call("Action=CreateQueue&QueueName=q"); status != http.StatusOK {
		t.Fatal(status, body)
	}
	operations["Panic"] = op(func(*sqs.Engine, context.Context, *sqs.ListQueuesInput) (*sqs.ListQueuesOutput, error) {
		panic("no idea")
	})
	defer delete(operations, "Panic")
	check := func(query, cause string) {
		t.Helper()
		status, body := call(query)
		if status < 500 || len(lines) != 1 || !strings.Contains(lines[0], cause) || strings.Contains(body, cause) {
			t.Errorf("%s: %d %s, logged %q, want a 5xx and one line with %q", query, status, body, lines, cause)
		}
	}
	check("Action=Panic", "no idea")
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	send := "Action=SendMessage&QueueUrl=q&MessageBody=x"
	check(send, "closed")
	check(send, "closed") // the engine is broken
	e.Close()
	if status, body := call("Action=ListQueues"); status < 500 || len(lines) != 1 {
		t.Errorf("closed: %d %s, logged %q", status, body, lines)
	}
}
