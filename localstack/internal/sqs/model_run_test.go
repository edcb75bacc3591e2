package sqs_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

// A run does the same to an engine and to its model, and compares.
type run struct {
	*stack
	t       *testing.T
	now     time.Duration
	queues  []*modelQueue // one, and its dead-letter queue
	handles []held
	waiting *waitingPoll // nil: none
	sends   int
}

// TestModel runs random operations, long polls, move tasks, changes of
// attributes, clock moves and restarts against both the engine and the model,
// in a bubble: what goes on by itself has come to rest when it is looked at.
// Across groups the order is
// fixed with OldestGroupFirst alone; without it, any is taken for good, and
// there is no dead-letter queue: which groups were looked at can't be known.
func TestModel(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"standard", "fifo", "turns"} {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				rapid.SyncTest(r, func(r *rapid.T) { checkModel(t, r, kind) })
			})
		})
	}
}

func checkModel(t *testing.T, r *rapid.T, kind string) {
	lookAt := rapid.SampledFrom([]int{3, 6, 1000}).Draw(r, "messages looked at")
	opts := []func(*sqs.Config){sqs.LookAhead(lookAt)}
	if kind == "fifo" {
		opts = append(opts, oldestFirst)
	}
	w := &run{stack: newStack(t, opts...), t: t}
	defer func() { w.close() }()
	w.makeQueues(kind, rapid.Bool().Draw(r, "dedup per group"), lookAt)
	actions := map[string]func(*rapid.T){
		"send": w.sendOne, "send batch": w.sendBatch, "receive": w.receiveSome, "receive again": w.receiveSome,
		"delete": w.deleteOne, "delete batch": w.deleteBatch, "hide": w.hideOne, "purge": w.purge,
		"attributes": w.change, "counts": w.count, "long poll": w.wait, "move": w.move, "clock": w.pass,
		"restart": func(r *rapid.T) {
			if rapid.IntRange(0, 3).Draw(r, "restart") == 0 {
				w.restart(t)
				w.endPoll(r)
			}
		},
	}
	if kind == "standard" {
		delete(actions, "receive again")
	}
	for name, act := range actions {
		actions[name] = func(r *rapid.T) {
			act(r)
			w.serve(r)
		}
	}
	r.Repeat(actions)
}

func (w *run) makeQueues(kind string, perGroup bool, lookAt int) {
	suffix := ".fifo"
	attributes := []string{"MessageRetentionPeriod=600"}
	if kind == "standard" {
		suffix, perGroup = "", false
	}
	if perGroup {
		attributes = append(attributes, "DeduplicationScope=messageGroup")
	}
	for _, name := range []string{"dead", "home"} {
		m := &modelQueue{
			name: name + suffix, fifo: kind != "standard", oldest: kind == "fifo", perGroup: perGroup, lookAt: lookAt,
			visibility: 30 * time.Second, retention: 600 * time.Second, purged: -time.Hour,
			window: map[string]modelSend{}, attempts: map[string]*modelAttempt{},
		}
		if name == "home" && kind != "turns" {
			m.dead, m.maxReceive = w.queues[0], 3
			attributes = append(attributes, redriveAttribute(m, 3))
		}
		w.create(w.t, m.name, attributes...)
		w.queues = append(w.queues, m)
	}
}

func redriveAttribute(m *modelQueue, maxReceive int) string {
	return fmt.Sprintf(`RedrivePolicy={"deadLetterTargetArn":"%s%s","maxReceiveCount":%d}`, account, m.dead.name, maxReceive)
}

// pick is a queue to do something with: mostly the one that isn't the other's
// dead-letter queue. It is as it is now.
func (w *run) pick(r *rapid.T) *modelQueue {
	m := w.queues[min(1, rapid.IntRange(0, 4).Draw(r, "queue"))]
	m.expire(w.now)
	return m
}

// pickHandle is one of the latest handles.
func (w *run) pickHandle(r *rapid.T) (held, bool) {
	if len(w.handles) == 0 {
		return held{}, false
	}
	h := w.handles[len(w.handles)-1-rapid.IntRange(0, min(len(w.handles)-1, 8)).Draw(r, "handle")]
	h.queue.expire(w.now)
	return h, true
}

// draft draws a message. Its body is its own, but where it may be a duplicate
// by content.
func (w *run) draft(r *rapid.T, m *modelQueue) (in sqs.SendMessageBatchRequestEntry) {
	w.sends++
	in.MessageBody = strconv.Itoa(w.sends)
	if !m.fifo {
		if s := rapid.SampledFrom([]int32{-1, -1, 0, 3, 60}).Draw(r, "delay"); s >= 0 {
			in.DelaySeconds = &s
		}
		if n := rapid.IntRange(0, 2).Draw(r, "tenant"); n > 0 { // of a fair queue
			in.MessageGroupId = ptr(fmt.Sprintf("t%d", n))
		}
		return in
	}
	in.MessageGroupId = ptr(fmt.Sprintf("g%d", rapid.IntRange(1, 4).Draw(r, "group")))
	near := rapid.IntRange(max(0, w.sends-3), w.sends+1).Draw(r, "dedup")
	if m.content && near%2 == 0 {
		in.MessageBody = fmt.Sprintf("c%d", near)
		return in
	}
	in.MessageDeduplicationId = ptr(fmt.Sprintf("d%d", near))
	return in
}

// sent checks an answer to a send, and does the same to the model.
func (w *run) sent(r *rapid.T, m *modelQueue, in sqs.SendMessageBatchRequestEntry, id, sequence, sum string) {
	if want := md5.Sum([]byte(in.MessageBody)); sum != hex.EncodeToString(want[:]) {
		r.Fatalf("MD5 of %s is not of this request", in.MessageBody)
	}
	x := &modelMessage{id: id, body: in.MessageBody}
	if in.MessageGroupId != nil {
		x.group = *in.MessageGroupId
	}
	if !m.fifo {
		w.delayed(m, x, in.DelaySeconds)
		m.send(x, "")
		return
	}
	x.dedup = "body " + in.MessageBody
	if in.MessageDeduplicationId != nil {
		x.dedup = *in.MessageDeduplicationId
	}
	if first, ok := m.duplicate(x.group, x.dedup); ok {
		if first.id != id || first.sequence != sequence {
			r.Fatalf("duplicate %s is answered with %s %s, the first was %s %s", x.dedup, id, sequence, first.id, first.sequence)
		}
		return
	}
	for _, s := range m.window {
		if s.id == id || s.sequence >= sequence {
			r.Fatalf("a new message has %s %s, an earlier one %s %s", id, sequence, s.id, s.sequence)
		}
	}
	m.send(x, sequence)
}

func (w *run) delayed(m *modelQueue, x *modelMessage, seconds *int32) {
	delay := m.delay
	if seconds != nil {
		delay = time.Duration(*seconds) * time.Second
	}
	if delay > 0 {
		x.until = w.now + delay
	}
}

func (w *run) sendOne(r *rapid.T) {
	m := w.pick(r)
	in := w.draft(r, m)
	out, err := w.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: m.name, MessageBody: in.MessageBody, DelaySeconds: in.DelaySeconds,
		MessageGroupId: in.MessageGroupId, MessageDeduplicationId: in.MessageDeduplicationId,
	})
	must(w.t, err)
	w.sent(r, m, in, out.MessageId, out.SequenceNumber, out.MD5OfMessageBody)
}

func (w *run) sendBatch(r *rapid.T) {
	m := w.pick(r)
	var entries []sqs.SendMessageBatchRequestEntry
	bad := rapid.IntRange(0, 9).Draw(r, "bad entry") // if there are so many
	for i := range rapid.IntRange(1, 4).Draw(r, "entries") {
		in := w.draft(r, m)
		in.Id = strconv.Itoa(i)
		if i == bad {
			in.MessageBody = "\x01"
		}
		entries = append(entries, in)
	}
	out, err := w.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: m.name, Entries: entries})
	must(w.t, err)
	if len(out.Failed) > 1 || len(out.Failed)+len(out.Successful) != len(entries) || len(out.Failed) == 1 && out.Failed[0].Id != strconv.Itoa(bad) {
		r.Fatalf("batch of %d with %d bad: %+v", len(entries), bad, out)
	}
	for _, s := range out.Successful {
		i, _ := strconv.Atoi(s.Id)
		w.sent(r, m, entries[i], s.MessageId, s.SequenceNumber, s.MD5OfMessageBody)
	}
}

func (w *run) receiveSome(r *rapid.T) {
	m := w.pick(r)
	limit := rapid.IntRange(1, 10).Draw(r, "limit")
	in := sqs.ReceiveMessageInput{QueueUrl: m.name, MaxNumberOfMessages: ptr(int32(limit)), AttributeNames: []string{"All"}}
	if m.fifo {
		in.ReceiveRequestAttemptId = rapid.SampledFrom([]string{"", "", "x", "y"}).Draw(r, "attempt")
	}
	hide := m.visibility
	if s := rapid.SampledFrom([]int32{-1, 0, 5, 60}).Draw(r, "visibility"); s >= 0 {
		in.VisibilityTimeout, hide = &s, time.Duration(s)*time.Second
	}
	got := w.receive(w.t, in)
	wanted := m.again(in.ReceiveRequestAttemptId)
	if wanted != nil {
		for _, x := range wanted {
			x.inFlight, x.until = true, w.now+hide
		}
	} else {
		wanted = m.take(func() [][]*modelMessage { return w.runsAs(m, got) }, limit, hide)
		m.remember(in.ReceiveRequestAttemptId, wanted)
	}
	w.compare(r, m, got, wanted)
}

// runsAs are the model's runs; where groups may come in any order, those first
// that the engine has taken.
func (w *run) runsAs(m *modelQueue, got []sqs.Message) [][]*modelMessage {
	runs := m.runs()
	if !m.fifo || m.oldest {
		return runs
	}
	var order []string
	for _, g := range got {
		if group := g.Attributes["MessageGroupId"]; !slices.Contains(order, group) {
			order = append(order, group)
		}
	}
	slices.SortStableFunc(runs, func(a, b []*modelMessage) int {
		return place(order, a[0].group) - place(order, b[0].group)
	})
	return runs
}

func place(order []string, group string) int {
	if i := slices.Index(order, group); i >= 0 {
		return i
	}
	return len(order)
}

func (w *run) compare(r *rapid.T, m *modelQueue, got []sqs.Message, wanted []*modelMessage) {
	if len(got) != len(wanted) {
		r.Fatalf("received %q, want %d messages", bodies(got), len(wanted))
	}
	for i, x := range wanted {
		attributes := map[string]string{
			"SenderId": "000000000000", "ApproximateReceiveCount": strconv.Itoa(x.count),
			"SentTimestamp": w.stamp(x.sent), "ApproximateFirstReceiveTimestamp": w.stamp(x.first),
		}
		if x.group != "" {
			attributes["MessageGroupId"] = x.group
		}
		if x.source != "" {
			attributes["DeadLetterQueueSourceArn"] = account + x.source
		}
		if x.id == "" && got[i].MessageId != x.was {
			x.id = got[i].MessageId
		}
		attributesGot := maps.Clone(got[i].Attributes)
		delete(attributesGot, "SequenceNumber")
		delete(attributesGot, "MessageDeduplicationId")
		if got[i].Body != x.body || got[i].MessageId != x.id || !maps.Equal(attributesGot, attributes) {
			r.Fatalf("received %+v as number %d, want %+v %v", got[i], i, x, attributes)
		}
		w.handles = append(w.handles, held{m, got[i].ReceiptHandle, x, x.count})
	}
}

func (w *run) stamp(at time.Duration) string {
	return strconv.FormatInt(start.Add(at).UnixMilli(), 10)
}

func (w *run) deleteOne(r *rapid.T) {
	h, ok := w.pickHandle(r)
	if !ok {
		return
	}
	w.deleted(r, h, w.delete(h.queue.name, sqs.Message{ReceiptHandle: h.handle}) == nil)
}

// deleted checks a delete: one of a message that is gone works, too.
func (w *run) deleted(r *rapid.T, h held, ok bool) {
	if ok != (h.good() || !h.exists()) {
		r.Fatalf("delete of %s: %v, but the handle is good: %v, the message there: %v", h.of.body, ok, h.good(), h.exists())
	}
	if ok {
		h.queue.remove(h.of)
	}
}

func (w *run) deleteBatch(r *rapid.T) {
	first, ok := w.pickHandle(r)
	if !ok {
		return
	}
	list := []held{first}
	for range 3 {
		if h, _ := w.pickHandle(r); h.queue == first.queue {
			list = append(list, h)
		}
	}
	in := sqs.DeleteMessageBatchInput{QueueUrl: first.queue.name}
	for i, h := range list {
		in.Entries = append(in.Entries, sqs.DeleteMessageBatchRequestEntry{Id: strconv.Itoa(i), ReceiptHandle: h.handle})
	}
	out, err := w.DeleteMessageBatch(ctx, &in)
	must(w.t, err)
	done := map[string]bool{}
	for _, s := range out.Successful {
		done[s.Id] = true
	}
	for i, h := range list {
		w.deleted(r, h, done[strconv.Itoa(i)])
	}
}

func (w *run) hideOne(r *rapid.T) {
	h, ok := w.pickHandle(r)
	if !ok {
		return
	}
	seconds := rapid.SampledFrom([]int32{0, 0, 3, 45, 43_200}).Draw(r, "seconds")
	until := w.now + time.Duration(seconds)*time.Second
	allowed := h.good() && until <= h.of.received+12*time.Hour
	err := w.hide(h.queue.name, sqs.Message{ReceiptHandle: h.handle}, seconds)
	if (err == nil) != allowed {
		r.Fatalf("hiding %s for %d s: %v, want allowed: %v", h.of.body, seconds, err, allowed)
	}
	if allowed {
		h.of.inFlight, h.of.until, h.of.changed = true, until, true
		h.queue.expire(w.now)
	}
}

func (w *run) purge(r *rapid.T) {
	if rapid.IntRange(0, 5).Draw(r, "purge") > 0 {
		return
	}
	m := w.pick(r)
	_, err := w.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: m.name})
	if allowed := w.now >= m.purged+time.Minute; (err == nil) != allowed {
		r.Fatalf("purge: %v, want allowed: %v", err, allowed)
	}
	if err == nil {
		m.purge()
	}
}

// change changes one attribute of a queue.
func (w *run) change(r *rapid.T) {
	m := w.pick(r)
	number := func(choices ...int32) (string, time.Duration) {
		n := rapid.SampledFrom(choices).Draw(r, "value")
		return strconv.Itoa(int(n)), time.Duration(n) * time.Second
	}
	var name, value string
	switch name = rapid.SampledFrom([]string{"VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "dedup", "redrive"}).Draw(r, "attribute"); name {
	case "VisibilityTimeout":
		value, m.visibility = number(0, 10, 30)
	case "MessageRetentionPeriod":
		value, m.retention = number(60, 600, 1200)
	case "DelaySeconds":
		value, m.delay = number(0, 0, 5, 20)
	case "dedup":
		if !m.fifo {
			return
		}
		m.content = !m.content
		name, value = "ContentBasedDeduplication", strconv.FormatBool(m.content)
	case "redrive":
		if m.dead == nil {
			return
		}
		name, value, m.maxReceive = "RedrivePolicy", "", rapid.IntRange(0, 3).Draw(r, "receives")
		if m.maxReceive > 0 {
			value = redriveAttribute(m, m.maxReceive)[len("RedrivePolicy="):]
		}
	}
	w.set(w.t, m.name, name, value)
	m.expire(w.now)
}

func (w *run) count(r *rapid.T) {
	m := w.pick(r)
	visible, inFlight, delayed := m.counts()
	for name, want := range map[string]int{"": visible, "NotVisible": inFlight, "Delayed": delayed} {
		if got := w.attribute(w.t, m.name, "ApproximateNumberOfMessages"+name); got != strconv.Itoa(want) {
			r.Fatalf("%s messages %s, want %d (%d, %d, %d)", got, name, want, visible, inFlight, delayed)
		}
	}
}
