package lambda

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"time"
)

// leakLabel marks the goroutines of an invocation. A goroutine inherits it from the
// one that starts it.
const leakLabel = "lambda-request"

// leakGrace is how long goroutines may outlive the handler, so that those it
// cancelled can end.
const leakGrace = 2 * time.Second

// call calls the handler and, if Leaked is set, looks for goroutines that it left
// running. On AWS such a goroutine is frozen with the process, and continues during
// another invocation, or never.
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

// goroutinesOf returns the stacks of an invocation's goroutines.
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
