package sqs_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"
)

// An entry is one call of a history, and its answer.
type entry struct {
	op       string
	dedup    string   // send
	id       string   // send: the answer; delete, change: of the message
	count    int      // delete, change: the receive that the handle is of
	hide     int      // receive, change: seconds; advance: how far
	refused  bool     // delete, change
	ids      []string // receive: of this group, in order
	counts   []int    // receive: how often each was received
	complete bool     // receive: no more could come from this group
}

// A fifoGroup is what one group of a FIFO queue is, in the plainest terms.
type fifoGroup struct {
	now      int
	messages []groupMessage
	sent     map[string]string // deduplication ID → message ID
}

type groupMessage struct {
	id     string
	hidden int // until
	count  int
}

// groupModel is a group's semantics, for porcupine. A history is shorter than
// the deduplication window.
var groupModel = porcupine.Model{
	Init: func() any { return fifoGroup{sent: map[string]string{}} },
	Step: func(state, input, _ any) (bool, any) {
		g := state.(fifoGroup)
		return g.step(input.(entry))
	},
	Equal: reflect.DeepEqual,
}

func (g fifoGroup) step(e entry) (bool, any) {
	switch e.op {
	case "send":
		return g.send(e)
	case "receive":
		return g.receive(e)
	case "delete":
		return g.delete(e)
	case "change":
		return g.change(e)
	}
	g.now += e.hide
	return true, g
}

func (g fifoGroup) send(e entry) (bool, any) {
	if first, ok := g.sent[e.dedup]; ok {
		return first == e.id, g
	}
	g.sent = maps.Clone(g.sent)
	g.sent[e.dedup] = e.id
	g.messages = append(slices.Clip(g.messages), groupMessage{id: e.id})
	return true, g
}

// available is how many messages from the head on can be received: none while
// the head is in flight.
func (g fifoGroup) available() int {
	n := slices.IndexFunc(g.messages, func(m groupMessage) bool { return m.hidden > g.now })
	if n < 0 {
		return len(g.messages)
	}
	return n
}

func (g fifoGroup) receive(e entry) (bool, any) {
	n := g.available()
	if len(e.ids) > n || e.complete && len(e.ids) < n {
		return false, g
	}
	g.messages = slices.Clone(g.messages)
	for i, id := range e.ids {
		m := &g.messages[i]
		m.count++
		m.hidden = g.now + e.hide
		if m.id != id || m.count != e.counts[i] {
			return false, g
		}
	}
	return true, g
}

// inFlight is the index of the message that a handle is good for; exists is
// whether the message is still in the queue.
func (g fifoGroup) inFlight(e entry) (i int, good, exists bool) {
	i = slices.IndexFunc(g.messages, func(m groupMessage) bool { return m.id == e.id })
	if i < 0 {
		return i, false, false
	}
	return i, g.messages[i].hidden > g.now && g.messages[i].count == e.count, true
}

func (g fifoGroup) delete(e entry) (bool, any) {
	i, good, exists := g.inFlight(e)
	if !good {
		return e.refused == exists, g
	}
	g.messages = slices.Delete(slices.Clone(g.messages), i, i+1)
	return !e.refused, g
}

func (g fifoGroup) change(e entry) (bool, any) {
	i, good, _ := g.inFlight(e)
	if !good {
		return e.refused, g
	}
	g.messages = slices.Clone(g.messages)
	g.messages[i].hidden = g.now + e.hide
	return !e.refused, g
}

// TestGroupModelRefuses: histories that no FIFO group has.
func TestGroupModelRefuses(t *testing.T) {
	two := []entry{{op: "send", dedup: "1", id: "x"}, {op: "send", dedup: "2", id: "y"}}
	for name, rest := range map[string][]entry{
		"the second first":         {{op: "receive", hide: 30, ids: []string{"y"}, counts: []int{1}}},
		"the second while blocked": {{op: "receive", hide: 30, ids: []string{"x"}, counts: []int{1}}, {op: "receive", ids: []string{"y"}, counts: []int{1}}},
		"nothing though there is":  {{op: "receive", complete: true}},
		"a duplicate stored":       {{op: "send", dedup: "1", id: "z"}},
		"lost": {
			{op: "receive", hide: 1, ids: []string{"x"}, counts: []int{1}}, {op: "advance", hide: 2},
			{op: "receive", hide: 30, ids: []string{"y"}, counts: []int{1}},
		},
		"a miscount": {
			{op: "receive", hide: 0, ids: []string{"x"}, counts: []int{1}}, {op: "receive", ids: []string{"x"}, counts: []int{1}},
		},
		"deleted with a dead handle": {
			{op: "receive", hide: 1, ids: []string{"x"}, counts: []int{1}}, {op: "advance", hide: 2},
			{op: "delete", id: "x", count: 1},
		},
	} {
		if porcupine.CheckOperations(groupModel, inTurn(append(slices.Clone(two), rest...))) {
			t.Errorf("%s: passes", name)
		}
	}
	fine := append(slices.Clone(two), entry{op: "receive", hide: 3, ids: []string{"x", "y"}, counts: []int{1, 1}, complete: true},
		entry{op: "delete", id: "x", count: 1}, entry{op: "receive", complete: true}, entry{op: "advance", hide: 3},
		entry{op: "receive", ids: []string{"y"}, counts: []int{2}})
	if !porcupine.CheckOperations(groupModel, inTurn(fine)) {
		t.Error("a history that is fine doesn't pass")
	}
}

// inTurn is a history with no two calls at once.
func inTurn(entries []entry) (history []porcupine.Operation) {
	for i, e := range entries {
		history = append(history, porcupine.Operation{Input: e, Output: e, Call: int64(2 * i), Return: int64(2*i + 1)})
	}
	return history
}
