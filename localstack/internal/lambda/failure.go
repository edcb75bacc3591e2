// https://docs.aws.amazon.com/lambda/latest/dg/golang-exceptions.html

package lambda

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// unhandled is the FunctionError of every error of a function.
const unhandled = "Unhandled"

func failure(e messages.InvokeResponse_Error) Result {
	payload, err := json.Marshal(e)
	if err != nil { // strings and numbers: can't fail
		payload = []byte(`{"errorMessage":"the error could not be encoded"}`)
	}
	return Result{Payload: payload, FunctionError: unhandled}
}

// platformFailure is a failure that Lambda reports, rather than the function.
func platformFailure(c *invocation, typ, format string, args ...any) Result {
	return failure(messages.InvokeResponse_Error{
		Type:    typ,
		Message: "RequestId: " + c.id + " Error: " + fmt.Sprintf(format, args...),
	})
}

func timedOut(c *invocation, after time.Duration) Result {
	return platformFailure(c, "Sandbox.Timedout", "Task timed out after %.2f seconds", after.Seconds())
}

func tooLarge(size int) Result {
	return failure(messages.InvokeResponse_Error{
		Type:    "Function.ResponseSizeTooLarge",
		Message: fmt.Sprintf("Response payload size (%d bytes) exceeded maximum allowed payload size (%d bytes).", size, MaxResponseBytes),
	})
}

// handlerFailure is the failure that Lambda's Go runtime reports for an error.
func handlerFailure(err error) Result {
	if e, ok := err.(messages.InvokeResponse_Error); ok { //nolint:errorlint // the runtime looks at the outermost error alone
		return failure(e)
	}
	return failure(messages.InvokeResponse_Error{Message: err.Error(), Type: typeName(err)})
}

// panicFailure is the failure that Lambda's Go runtime reports for a panic. The
// deferred function that recovered must call it.
func panicFailure(v any) Result {
	return failure(messages.InvokeResponse_Error{Message: fmt.Sprint(v), Type: typeName(v), StackTrace: stackTrace()})
}

func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// stackTrace returns the frames above the panic, innermost first.
func stackTrace() []*messages.InvokeResponse_Error_StackFrame {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	var out []*messages.InvokeResponse_Error_StackFrame
	panicked := false
	for {
		f, more := frames.Next()
		if panicked {
			out = append(out, &messages.InvokeResponse_Error_StackFrame{
				Path: f.File, Line: int32(f.Line), Label: f.Function[strings.LastIndex(f.Function, "/")+1:],
			})
		}
		panicked = panicked || f.Function == "runtime.gopanic"
		if !more {
			return out
		}
	}
}
