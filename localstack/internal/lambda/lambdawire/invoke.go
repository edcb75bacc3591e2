// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html

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

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/lambda"
)

// PathPrefix begins every path of Lambda's function API.
const PathPrefix = "/2015-03-31/functions"

// New returns a handler of Lambda's API. It doesn't check signatures.
func New(s *lambda.Service) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Requestid", awswire.RequestID())
		err := serve(s, w, r)
		if err == nil || r.Context().Err() != nil { // served, or nobody waits for the response
			return
		}
		e := asError(err)
		if e.Status >= http.StatusInternalServerError {
			s.Logf("lambda: %s %s: %v", r.Method, r.URL.Path, err)
		}
		WriteError(w, e)
	})
}

func asError(err error) *awswire.Error {
	var e *awswire.Error
	if errors.As(err, &e) {
		return e
	}
	return awswire.Errorf(http.StatusInternalServerError, "ServiceException", "The request could not be served.")
}

// Operation returns the name of a request's operation.
func Operation(r *http.Request) string {
	if r.Method == http.MethodPost && invokePath.MatchString(r.URL.Path) {
		return "Invoke"
	}
	return "Unknown"
}

var invokePath = regexp.MustCompile(`^` + PathPrefix + `/([^/]+)/invocations$`)

func serve(s *lambda.Service, w http.ResponseWriter, r *http.Request) error {
	if Operation(r) != "Invoke" {
		return awswire.Errorf(http.StatusNotImplemented, "UnsupportedOperationException",
			"%s %s is not supported: Invoke is the only operation of Lambda", r.Method, r.URL.Path)
	}
	c, err := readInvokeInput(r)
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

// readInvokeInput reads a request. It cuts a body that is too large one byte behind the
// limit, so that the service refuses it.
func readInvokeInput(r *http.Request) (lambda.InvokeInput, error) {
	var c lambda.InvokeInput
	c.Function = functionName(invokePath.FindStringSubmatch(r.URL.Path)[1])
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

// dropControls makes JSON fit into a header: its line breaks are only white space.
func dropControls(r rune) rune {
	if r < ' ' {
		return -1
	}
	return r
}

// functionName returns the function's name in a name, a partial ARN or an ARN, with
// or without a version.
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

// WriteError writes an error response.
func WriteError(w http.ResponseWriter, e *awswire.Error) {
	typ := "User"
	if e.Status >= http.StatusInternalServerError {
		typ = "Service"
	}
	body := map[string]any{"Type": typ, "message": e.Message, "Message": e.Message}
	maps.Copy(body, e.Fields)
	out, _ := json.Marshal(body) // strings: can't fail
	w.Header().Set("X-Amzn-Errortype", e.Code)
	awswire.WriteBody(w, e.Status, "application/json", out)
}
