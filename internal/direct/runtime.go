// Package direct is the function of direct mode: it runs a job's commands at once
// and answers with their output. It is a client of the Lambda Runtime API for
// exactly one invocation, so that the next request finds nothing that the commands
// of this one left behind.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package direct

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/errandhq/errand"
)

const (
	runtimeVersion = "2018-06-01"
	maxEventBytes  = 6 << 20 // Lambda's limit for a synchronous payload
	// answerTime is reserved before Lambda's deadline for cleaning up and answering.
	answerTime = 1500 * time.Millisecond
)

// Main serves one invocation of the Runtime API at AWS_LAMBDA_RUNTIME_API. getenv
// is os.Getenv. An error means that the Runtime API failed: failed commands and
// invalid requests get an answer.
func Main(getenv func(string) string) error {
	host := getenv("AWS_LAMBDA_RUNTIME_API")
	if host == "" {
		return errors.New("AWS_LAMBDA_RUNTIME_API is not set: this program must be started by Lambda or by errand local")
	}
	rt := &runtimeAPI{base: "http://" + host + "/" + runtimeVersion + "/runtime/invocation/", client: &http.Client{Transport: &http.Transport{}}}
	defer rt.client.CloseIdleConnections()
	inv, err := rt.next()
	if err != nil {
		return fmt.Errorf("get the invocation: %w", err)
	}
	var r errand.DirectRequest
	if err := json.Unmarshal(inv.event, &r); err != nil {
		return rt.post(inv.id+"/error", runtimeError{"BadEvent", "the event is not a direct request: " + err.Error()})
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM) // errand local has ended
	defer stop()
	ctx, cancel := inv.context(ctx)
	defer cancel()
	return rt.post(inv.id+"/response", Runner{Getenv: getenv}.Run(ctx, r))
}

// runtimeAPI is a client of the Lambda Runtime API.
type runtimeAPI struct {
	base   string
	client *http.Client
}

type invocation struct {
	id       string
	deadline time.Time // zero if there is none
	event    []byte
}

// context ends answerTime before the deadline.
func (i *invocation) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if i.deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, i.deadline.Add(-answerTime))
}

// next waits for the invocation.
func (rt *runtimeAPI) next() (*invocation, error) {
	req, err := http.NewRequest(http.MethodGet, rt.base+"next", nil)
	if err != nil {
		return nil, err
	}
	resp, err := rt.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	event, err := io.ReadAll(io.LimitReader(resp.Body, maxEventBytes+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the runtime API answered %s", resp.Status)
	case len(event) > maxEventBytes:
		return nil, fmt.Errorf("the event is longer than %d bytes", maxEventBytes)
	}
	inv := &invocation{id: resp.Header.Get("Lambda-Runtime-Aws-Request-Id"), event: event}
	if inv.id == "" {
		return nil, errors.New("the invocation has no request ID")
	}
	if ms, err := strconv.ParseInt(resp.Header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64); err == nil {
		inv.deadline = time.UnixMilli(ms)
	}
	return inv, nil
}

// runtimeError is the body of a request to /error.
type runtimeError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func (rt *runtimeAPI) post(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	req, err := http.NewRequest(http.MethodPost, rt.base+path, bytes.NewReader(b))
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := rt.client.Do(req)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("answer: the runtime API answered %s", resp.Status)
	}
	return nil
}
