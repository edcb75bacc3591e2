// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

package lambda

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// runtimeAPI serves the Runtime API to the process.
func (in *instance) runtimeAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", in.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", in.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", in.invocationError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", in.initError)
	return mux
}

// next waits for an invocation and returns it. Meanwhile the process is frozen.
func (in *instance) next(w http.ResponseWriter, r *http.Request) {
	first, may := in.mayServe()
	if !may {
		in.kill() // a one-shot process that came back instead of exiting
		runtimeError(w, http.StatusForbidden, "Runtime.OneShot", "this process serves one invocation")
		return
	}
	if !first { // the first request comes just before an invocation
		in.freeze()
	}
	select {
	case c := <-in.calls:
		in.thaw()
		in.mu.Lock()
		in.current = c
		in.mu.Unlock()
		deadline := time.Now().Add(in.fn.Timeout).UnixMilli()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", c.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline, 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", in.fn.ARN)
		if c.clientContext != "" {
			h.Set("Lambda-Runtime-Client-Context", c.clientContext)
		}
		_, _ = w.Write(c.payload) // if it is gone, serve sees it exit
	case <-r.Context().Done():
	}
}

// mayServe counts a request for work. It reports whether this is the first, and
// whether the process may get any.
func (in *instance) mayServe() (first, may bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.served++
	if in.served == 1 {
		close(in.ready)
	}
	return in.served == 1, in.served == 1 || !in.fn.Code.OneShot
}

func (in *instance) response(w http.ResponseWriter, r *http.Request) {
	in.complete(w, r, func(body []byte) Result { return Result{Payload: body} })
}

func (in *instance) invocationError(w http.ResponseWriter, r *http.Request) {
	in.complete(w, r, func(body []byte) Result { return reported(r, body) })
}

// complete ends the current invocation with its result, once.
func (in *instance) complete(w http.ResponseWriter, r *http.Request, result func(body []byte) Result) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxResponseBytes+1))
	if err != nil {
		return // the process is gone
	}
	in.mu.Lock()
	c := in.current
	if c == nil || c.id != r.PathValue("id") {
		in.mu.Unlock()
		runtimeError(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	in.current = nil
	in.mu.Unlock()
	if len(body) > MaxResponseBytes {
		c.done <- tooLarge(len(body))
		runtimeError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxResponseBytes))
		return
	}
	c.done <- result(body)
	accepted(w)
}

// initError takes the error of a failed start, which ends the process.
func (in *instance) initError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxResponseBytes))
	if err != nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	select {
	case <-in.ready:
		runtimeError(w, http.StatusForbidden, "InvalidStateTransition", "the init phase is over")
	case <-in.failedInit:
		runtimeError(w, http.StatusForbidden, "InvalidStateTransition", "the error was reported")
	default:
		in.initErr = reported(r, body)
		close(in.failedInit)
		accepted(w)
	}
}

// reported returns the result of an error that a process reported. A body that isn't
// JSON is used as the message.
func reported(r *http.Request, body []byte) Result {
	if !json.Valid(body) {
		body, _ = json.Marshal(map[string]string{ // strings: can't fail
			"errorMessage": string(body),
			"errorType":    r.Header.Get("Lambda-Runtime-Function-Error-Type"),
		})
	}
	return Result{Payload: body, FunctionError: unhandled}
}

func accepted(w http.ResponseWriter) {
	awswire.WriteBody(w, http.StatusAccepted, "application/json", []byte(`{"status":"OK"}`))
}

func runtimeError(w http.ResponseWriter, status int, typ, message string) {
	body, _ := json.Marshal(map[string]string{"errorType": typ, "errorMessage": message}) // strings: can't fail
	awswire.WriteBody(w, status, "application/json", body)
}
