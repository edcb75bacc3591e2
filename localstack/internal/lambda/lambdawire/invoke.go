// Package lambdawire serves Lambda's Invoke operation over HTTP, as AWS's SDKs
// call it.
package lambdawire

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/lambda"
)

// PathPrefix is how every path of Lambda's function API begins.
const PathPrefix = "/2015-03-31/functions"

// New returns a handler of Lambda's API. Callers check signatures before it.
func New(s *lambda.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Requestid", awswire.RequestID())
		if err := serve(s, w, r); err != nil {
			WriteError(w, err)
		}
	})
}

// Operation names the operation that a request asks for.
func Operation(r *http.Request) string {
	if r.Method == http.MethodPost && invokePath().MatchString(r.URL.Path) {
		return "Invoke"
	}
	return "Unknown"
}

var invokePath = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^` + PathPrefix + `/([^/]+)/invocations$`) })

func serve(s *lambda.Service, w http.ResponseWriter, r *http.Request) error {
	if Operation(r) != "Invoke" {
		return awswire.Errorf(http.StatusNotImplemented, "UnsupportedOperationException",
			"%s %s is not supported: of Lambda's operations there is Invoke", r.Method, r.URL.Path)
	}
	c, err := readCall(r)
	if err != nil {
		return err
	}
	switch typ := r.Header.Get("X-Amz-Invocation-Type"); typ {
	case "", "RequestResponse":
		result, err := s.Invoke(r.Context(), c)
		if err != nil {
			return err
		}
		writeResult(w, result)
		return nil
	case "Event":
		if err := s.InvokeAsync(c); err != nil {
			return err
		}
		w.WriteHeader(http.StatusAccepted)
		return nil
	case "DryRun":
		if err := s.Check(c); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		return invalid("invocation type %q", typ)
	}
}

func invalid(format string, args ...any) error {
	return awswire.Errorf(http.StatusBadRequest, "InvalidParameterValueException", format+" is not supported", args...)
}

// readCall reads what a request asks to run. A body over the largest limit is
// cut just behind it, which the service refuses.
func readCall(r *http.Request) (lambda.Call, error) {
	var c lambda.Call
	c.Function = functionName(invokePath().FindStringSubmatch(r.URL.Path)[1])
	if q := r.URL.Query().Get("Qualifier"); q != "" && q != "$LATEST" {
		return c, awswire.Errorf(http.StatusNotFound, "ResourceNotFoundException", "Function not found: %s:%s", c.Function, q)
	}
	if t := r.Header.Get("X-Amz-Log-Type"); t != "" && t != "None" {
		return c, invalid("log type %q", t)
	}
	if cc := r.Header.Get("X-Amz-Client-Context"); cc != "" {
		b, err := base64.StdEncoding.DecodeString(cc)
		if err != nil || !json.Valid(b) {
			return c, awswire.Errorf(http.StatusBadRequest, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
		}
		c.ClientContext = strings.Map(dropControls, string(b))
	}
	var err error
	c.Payload, err = io.ReadAll(io.LimitReader(r.Body, lambda.MaxRequestBytes+1))
	if err != nil {
		return c, awswire.Errorf(http.StatusBadRequest, "InvalidRequestContentException", "The payload could not be read: %s", err)
	}
	return c, nil
}

// dropControls makes JSON fit a header: line breaks in it mean nothing.
func dropControls(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

// functionName is the name in a name, a partial or a whole ARN, with or
// without a version.
func functionName(s string) string {
	if _, after, ok := strings.Cut(s, ":function:"); ok {
		s = after
	}
	s, _, _ = strings.Cut(s, ":")
	return s
}

func writeResult(w http.ResponseWriter, r lambda.Result) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amz-Executed-Version", "$LATEST")
	if r.FunctionError != "" {
		h.Set("X-Amz-Function-Error", r.FunctionError)
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(r.Payload)
}

// WriteError answers with an error as Lambda words it. An error that isn't
// AWS's becomes a ServiceException.
func WriteError(w http.ResponseWriter, err error) {
	var e *awswire.Error
	if !errors.As(err, &e) {
		e = awswire.Errorf(http.StatusInternalServerError, "ServiceException", "%s", err)
	}
	typ := "User"
	if e.Status >= http.StatusInternalServerError {
		typ = "Service"
	}
	body := map[string]any{"Type": typ, "message": e.Message, "Message": e.Message}
	maps.Copy(body, e.Fields)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", e.Code)
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(body)
}
