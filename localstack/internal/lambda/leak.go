package lambda

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"time"
)

// leakLabel marks the goroutines of an invocation: those that it starts inherit
// it, and those that they start.
const leakLabel = "lambda-request"

// leakGrace is how long goroutines may take to end that have been told to.
const leakGrace = 2 * time.Second

// call calls the handler, and looks for what it left running if it is asked to.
// On AWS a goroutine that outlives its handler is frozen with the process, and
// goes on during another invocation, or never.
func (p *inProcess) call(ctx context.Context, h Handler, c *invocation) (payload []byte, err error) {
	leaked := p.service.Leaked
	if leaked == nil {
		return h.Invoke(ctx, c.payload)
	}
	pprof.Do(ctx, pprof.Labels(leakLabel, c.id), func(ctx context.Context) {
		payload, err = h.Invoke(ctx, c.payload)
	})
	for end := time.Now().Add(leakGrace); ; time.Sleep(time.Millisecond) {
		left := goroutinesOf(c.id)
		if left == "" {
			return payload, err
		}
		if time.Now().After(end) {
			leaked(p.fn.Name, left)
			return payload, err
		}
	}
}

// goroutinesOf is the stacks of the goroutines of an invocation.
func goroutinesOf(id string) string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return ""
	}
	var left []string
	for stack := range strings.SplitSeq(b.String(), "\n\n") {
		if strings.Contains(stack, `"`+leakLabel+`":"`+id+`"`) {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}
