package integration

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

const (
	hold     = 5 * time.Minute
	pollWait = 2 * time.Second // for a ticket that may be there
)

func (w *world) queue(t *testing.T) {
	t.Run("Lanes", w.queueLanes)
	t.Run("Deduplication", w.queueDedup)
	t.Run("AttemptIDs", w.queueAttempts)
	t.Run("Malformed", w.queueMalformed)
}

// take receives a ticket, which must be of one of the jobs.
func (w *world) take(t *testing.T, jobs ...string) *control.Ticket {
	t.Helper()
	var got *control.Ticket
	for range 10 { // an empty answer is allowed where there is something
		var err error
		got, err = w.svc.Queue.Receive(t.Context(), errand.DefaultQueue, "", pollWait, hold)
		must(t, err)
		if got != nil {
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

func (w *world) empty(t *testing.T) {
	t.Helper()
	if got, err := w.svc.Queue.Receive(t.Context(), errand.DefaultQueue, "", 0, hold); err != nil || got != nil {
		t.Errorf("received %+v, %v; want nothing", got, err)
	}
}

func (w *world) send(t *testing.T, lane, dedup, id string) {
	t.Helper()
	must(t, w.svc.Queue.Send(t.Context(), errand.DefaultQueue, lane, dedup, id))
}

func (w *world) drop(t *testing.T, k *control.Ticket) {
	t.Helper()
	must(t, w.svc.Queue.Delete(t.Context(), errand.DefaultQueue, k.Handle))
}

// queueLanes: one of a lane at a time, in order; another lane isn't held up.
func (w *world) queueLanes(t *testing.T) {
	a1, a2, b := newID(), newID(), newID()
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
	must(t, w.svc.Queue.Hide(t.Context(), errand.DefaultQueue, first.Handle, 0))
	first = w.take(t, a1)
	w.drop(t, first)
	w.drop(t, w.take(t, a2))
	w.drop(t, second)
	w.empty(t)
}

func (w *world) queueDedup(t *testing.T) {
	id := newID()
	w.send(t, id, id, id)
	w.send(t, id, id, id)
	w.drop(t, w.take(t, id))
	w.send(t, id, id, id) // the first's deletion changes nothing
	w.empty(t)
	w.send(t, id, id+"-2", id)
	w.drop(t, w.take(t, id))
}

// queueAttempts: an answer that was lost is given again.
func (w *world) queueAttempts(t *testing.T) {
	if w.differs.noAttemptIDs {
		t.Skip("skipped: this endpoint is known not to honour ReceiveRequestAttemptId")
	}
	id := newID()
	w.send(t, id, id, id)
	first, err := w.svc.Queue.Receive(t.Context(), errand.DefaultQueue, "attempt-"+id, pollWait, hold)
	must(t, err)
	again, err := w.svc.Queue.Receive(t.Context(), errand.DefaultQueue, "attempt-"+id, pollWait, hold)
	must(t, err)
	if first == nil || again == nil || *first != *again {
		t.Fatalf("the same attempt got %+v, then %+v", first, again)
	}
	w.drop(t, again)
}

// queueMalformed: what isn't a ticket is dropped, and blocks nothing.
func (w *world) queueMalformed(t *testing.T) {
	id, url := newID(), w.settings.Queues[errand.DefaultQueue]
	_, err := sqs.NewFromConfig(w.cfg).SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String("no ticket"), MessageGroupId: &id, MessageDeduplicationId: aws.String("x" + id),
	})
	must(t, err)
	w.send(t, id, id, id)
	w.drop(t, w.take(t, id))
	w.empty(t)
}
