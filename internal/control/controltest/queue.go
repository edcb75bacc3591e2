package controltest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

const (
	hold     = 5 * time.Minute
	pollWait = 2 * time.Second // for a ticket that may be there
)

// QueueOptions say what is known of a queue.
type QueueOptions struct {
	NoAttemptIDs bool // ReceiveRequestAttemptId is not honoured
	// ShowsGroups: a message that is shown again brings those behind it, though one of its
	// group that was received before it is not deleted.
	ShowsGroups bool
	// SendRaw sends a message that is no ticket.
	SendRaw func(ctx context.Context, group, body string) error
}

// Queue tests the default queue of q, which must be empty and is left empty.
func Queue(t *testing.T, q control.Queue, o QueueOptions) {
	w := queueTest{q, o}
	t.Run("Groups", w.queueGroups)
	t.Run("Batch", w.queueBatch)
	t.Run("Deduplication", w.queueDedup)
	t.Run("AttemptIDs", w.queueAttempts)
	t.Run("Malformed", w.queueMalformed)
	t.Run("Made", w.queueMade)
}

// queueTest has the parts of the suite.
type queueTest struct {
	q control.Queue
	o QueueOptions
}

// take receives a ticket, which must be of one of the jobs.
func (w queueTest) take(t *testing.T, jobs ...string) *control.Ticket {
	t.Helper()
	var got *control.Ticket
	for range 10 { // an empty answer is allowed where there is something
		all, err := w.q.Receive(t.Context(), errand.DefaultQueue, "", 1, pollWait, hold)
		must(t, err)
		if len(all) > 1 {
			t.Fatalf("asked for one, received %+v", all)
		}
		if len(all) == 1 {
			got = &all[0]
			break
		}
	}
	for _, id := range jobs {
		if got != nil && got.JobID == id {
			return got
		}
	}
	t.Fatalf("received %+v, want one of %v", got, jobs)
	return nil
}

func (w queueTest) empty(t *testing.T) {
	t.Helper()
	if got, err := w.q.Receive(t.Context(), errand.DefaultQueue, "", errand.MaxTake, 0, hold); err != nil || len(got) > 0 {
		t.Errorf("received %+v, %v; want nothing", got, err)
	}
}

func (w queueTest) send(t *testing.T, group, dedup, id string) {
	t.Helper()
	must(t, w.q.Send(t.Context(), errand.DefaultQueue, group, dedup, id))
}

func (w queueTest) drop(t *testing.T, k *control.Ticket) {
	t.Helper()
	must(t, w.q.Delete(t.Context(), errand.DefaultQueue, k.Handle))
}

// queueGroups: one of a group at a time, in order; another group isn't held up.
func (w queueTest) queueGroups(t *testing.T) {
	a1, a2, b := NewID(), NewID(), NewID()
	w.send(t, "a", a1, a1)
	w.send(t, "a", a2, a2)
	w.send(t, "b", b, b)
	first := w.take(t, a1, b)
	second := w.take(t, a1, b)
	if first.JobID == second.JobID {
		t.Fatalf("%s came twice", first.JobID)
	}
	w.empty(t)
	if first.JobID == b {
		first, second = second, first
	}
	must(t, w.q.Hide(t.Context(), errand.DefaultQueue, first.Handle, 0))
	first = w.take(t, a1)
	w.drop(t, first)
	w.drop(t, w.take(t, a2))
	w.drop(t, second)
	w.empty(t)
}

// queueBatch: several at once come in the order of their group, and make the rest of it
// wait; shown again, they are the first again.
func (w queueTest) queueBatch(t *testing.T) {
	if w.o.ShowsGroups {
		t.Skip("skipped: this queue doesn't hold up a group of which a message is shown again")
	}
	var sent []string
	for range 4 {
		id := NewID()
		w.send(t, "a", id, id)
		sent = append(sent, id)
	}
	for round := 0; len(sent) > 0; round++ {
		if round == 20 {
			t.Fatalf("%v did not come", sent)
		}
		got, err := w.q.Receive(t.Context(), errand.DefaultQueue, "", 3, pollWait, hold)
		must(t, err)
		if len(got) == 0 { // an empty answer is allowed where there is something
			continue
		}
		if len(got) > 3 {
			t.Fatalf("asked for 3, received %+v", got)
		}
		for i, k := range got {
			if k.JobID != sent[i] {
				t.Fatalf("received %+v, want the first of %v", got, sent)
			}
		}
		w.empty(t)
		for _, k := range got[1:] {
			must(t, w.q.Hide(t.Context(), errand.DefaultQueue, k.Handle, 0))
		}
		w.empty(t)
		w.drop(t, &got[0])
		sent = sent[1:]
	}
	w.empty(t)
}

func (w queueTest) queueDedup(t *testing.T) {
	id := NewID()
	w.send(t, id, id, id)
	w.send(t, id, id, id)
	w.drop(t, w.take(t, id))
	w.send(t, id, id, id) // the first's deletion changes nothing
	w.empty(t)
	w.send(t, id, id+"-2", id)
	w.drop(t, w.take(t, id))
}

// queueAttempts: an answer that was lost is given again.
func (w queueTest) queueAttempts(t *testing.T) {
	if w.o.NoAttemptIDs {
		t.Skip("skipped: this endpoint is known not to honour ReceiveRequestAttemptId")
	}
	id := NewID()
	w.send(t, id, id, id)
	first, err := w.q.Receive(t.Context(), errand.DefaultQueue, "attempt-"+id, 2, pollWait, hold)
	must(t, err)
	again, err := w.q.Receive(t.Context(), errand.DefaultQueue, "attempt-"+id, 2, pollWait, hold)
	must(t, err)
	if len(first) != 1 || !slices.Equal(first, again) {
		t.Fatalf("the same attempt got %+v, then %+v", first, again)
	}
	w.drop(t, &again[0])
}

// queueMalformed: what isn't a ticket is dropped, and blocks nothing.
func (w queueTest) queueMalformed(t *testing.T) {
	id := NewID()
	must(t, w.o.SendRaw(t.Context(), id, "no ticket"))
	w.send(t, id, id, id)
	w.drop(t, w.take(t, id))
	w.empty(t)
}

// queueMade: a queue is made, has tickets, and is removed with them.
func (w queueTest) queueMade(t *testing.T) {
	ctx, name, id := t.Context(), strings.ToLower("q"+NewID()), NewID()
	must(t, w.q.MakeQueue(ctx, name))
	must(t, w.q.MakeQueue(ctx, name))
	must(t, w.q.Send(ctx, name, id, id, id))
	var all []control.Ticket
	for range 10 { // an empty answer is allowed where there is something
		var err error
		all, err = w.q.Receive(ctx, name, "", 1, pollWait, hold)
		must(t, err)
		if len(all) > 0 {
			break
		}
	}
	if len(all) != 1 || all[0].JobID != id {
		t.Fatalf("received %+v, want %s", all, id)
	}
	got := all[0]
	must(t, w.q.RemoveQueue(ctx, name))
	must(t, w.q.RemoveQueue(ctx, name))
	Eventually(t, "the end of the queue", func(ctx context.Context) bool {
		return errors.Is(w.q.Send(ctx, name, id, id, id), control.ErrNotFound)
	})
	must(t, w.q.Hide(ctx, name, got.Handle, 0))
	must(t, w.q.Delete(ctx, name, got.Handle))
	if err := w.q.MakeQueue(ctx, name); err != nil {
		wantErr(t, "a queue made again", err, control.ErrDeletedRecently)
	}
}
