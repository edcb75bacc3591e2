package sqs_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

// A recorder records the concurrent calls of workers to one stack, with their
// responses: a history for each group.
type recorder struct {
	t       *testing.T
	s       *stack
	running sync.RWMutex // held for reading by calls, for writing by a restart
	ticks   atomic.Int64

	mu      sync.Mutex
	history map[string][]porcupine.Operation
	handles []handle
	sends   int
}

type handle struct {
	message sqs.Message
	group   string
	count   int
}

var linearGroups = []string{"a", "b"}

// record makes a call and adds it to the histories of the groups in names.
func (r *recorder) record(worker int, call func() (entries map[string]entry)) {
	r.running.RLock()
	defer r.running.RUnlock()
	begin := r.ticks.Add(1)
	entries := call()
	end := r.ticks.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for group, e := range entries {
		r.history[group] = append(r.history[group], porcupine.Operation{ClientId: worker, Input: e, Call: begin, Output: e, Return: end})
	}
}

// all is an entry for every group.
func all(e entry) map[string]entry {
	entries := map[string]entry{}
	for _, g := range linearGroups {
		entries[g] = e
	}
	return entries
}

// send sends a message, or, now and then, one that another worker may be
// sending too.
func (r *recorder) send(worker int, random *rand.Rand) {
	group := linearGroups[random.IntN(len(linearGroups))]
	r.mu.Lock()
	if r.sends == 0 || random.IntN(4) > 0 {
		r.sends++
	}
	dedup := fmt.Sprintf("%s-%d", group, r.sends)
	r.mu.Unlock()
	body := fmt.Sprintf("%s from %d at %d", dedup, worker, r.ticks.Load())
	r.record(worker, func() map[string]entry {
		out, err := r.s.SendMessage(ctx, &sqs.SendMessageInput{
			QueueUrl: q, MessageBody: body, MessageGroupId: &group, MessageDeduplicationId: &dedup,
		})
		if err != nil {
			r.t.Errorf("send: %v", err)
		}
		return map[string]entry{group: {op: "send", dedup: dedup, id: out.MessageId}}
	})
}

// receive takes up to three messages. What it says of a group is which of its
// messages came and, unless the limit cut it short, that no more could. One
// that found nothing says so of all groups.
func (r *recorder) receive(worker int, random *rand.Rand) {
	limit, hide := 1+random.IntN(3), random.IntN(5)
	r.record(worker, func() map[string]entry {
		out, err := r.s.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: q, MaxNumberOfMessages: ptr(int32(limit)), VisibilityTimeout: ptr(int32(hide)), WaitTimeSeconds: ptr[int32](0),
			AttributeNames: []string{"MessageGroupId", "ApproximateReceiveCount"},
		})
		if err != nil {
			r.t.Errorf("receive: %v", err)
		}
		if len(out.Messages) == 0 {
			return all(entry{op: "receive", complete: true})
		}
		return r.received(out.Messages, limit, hide)
	})
}

func (r *recorder) received(messages []sqs.Message, limit, hide int) map[string]entry {
	entries := map[string]entry{}
	for i, m := range messages {
		group := m.Attributes["MessageGroupId"]
		count, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		e := entries[group]
		e.op, e.hide = "receive", hide
		e.ids = append(e.ids, m.MessageId)
		e.counts = append(e.counts, count)
		e.complete = i < limit-1 // it went on to look for another
		entries[group] = e
		r.mu.Lock()
		r.handles = append(r.handles, handle{m, group, count})
		r.mu.Unlock()
	}
	return entries
}

// pick is one of the latest handles that anyone got.
func (r *recorder) pick(random *rand.Rand) (handle, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.handles) == 0 {
		return handle{}, false
	}
	return r.handles[len(r.handles)-1-random.IntN(min(len(r.handles), 5))], true
}

func (r *recorder) delete(worker int, random *rand.Rand) {
	h, ok := r.pick(random)
	if !ok {
		return
	}
	r.record(worker, func() map[string]entry {
		err := r.s.delete(q, h.message)
		return map[string]entry{h.group: {op: "delete", id: h.message.MessageId, count: h.count, refused: err != nil}}
	})
}

func (r *recorder) change(worker int, random *rand.Rand) {
	h, ok := r.pick(random)
	if !ok {
		return
	}
	hide := random.IntN(4)
	r.record(worker, func() map[string]entry {
		err := r.s.hide(q, h.message, int32(hide))
		return map[string]entry{h.group: {op: "change", id: h.message.MessageId, count: h.count, hide: hide, refused: err != nil}}
	})
}

// advance moves the clock. A history stays within the sweep's minute: the
// clock stops for a timer on its way, which would be seen.
func (r *recorder) advance(worker int, seconds int) {
	r.record(worker, func() map[string]entry {
		r.s.clock.Advance(time.Duration(seconds) * time.Second)
		return all(entry{op: "advance", hide: seconds})
	})
}

// restart closes the engine between calls and opens another on its store.
func (r *recorder) restart() {
	r.running.Lock()
	defer r.running.Unlock()
	r.s.restart(r.t)
}

// work is one worker's calls.
func (r *recorder) work(worker int, random *rand.Rand) {
	for i := range 30 {
		switch n := random.IntN(20); {
		case n < 6:
			r.send(worker, random)
		case n < 12:
			r.receive(worker, random)
		case n < 15:
			r.delete(worker, random)
		case n < 18:
			r.change(worker, random)
		case i%2 == 0 && worker == 0:
			r.advance(worker, 1+random.IntN(3))
		case worker == 1 && i%3 == 0:
			r.restart()
		}
	}
}

// TestLinearizable lets workers call at once, with clock moves and restarts in
// between, and asks porcupine whether there is an order of the calls, for each
// group, that a FIFO queue could have answered so. ERRAND_LINEAR_HISTORIES is
// how many histories.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	n := 25
	if v := os.Getenv("ERRAND_LINEAR_HISTORIES"); v != "" {
		n, _ = strconv.Atoi(v)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ops := 0
	for i := range n {
		r := &recorder{t: t, s: newStack(t), history: map[string][]porcupine.Operation{}}
		r.s.create(t, q)
		var workers sync.WaitGroup
		for w := range 4 {
			workers.Go(func() { r.work(w, rand.New(rand.NewPCG(seed+uint64(i), uint64(w)))) })
		}
		workers.Wait()
		r.s.close()
		for group, history := range r.history {
			ops += len(history)
			if !porcupine.CheckOperations(groupModel, history) {
				t.Errorf("history %d, group %s, has no order:", i, group)
				for _, op := range history {
					t.Logf("%3d–%3d worker %d: %+v", op.Call, op.Return, op.ClientId, op.Input)
				}
				return
			}
		}
	}
	t.Logf("%d calls in %d histories", ops, n)
}
