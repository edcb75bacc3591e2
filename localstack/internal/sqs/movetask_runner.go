package sqs

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// tasks runs the message move tasks, each on a goroutine of its own. Once a
// second by the engine's clock, a task moves as many messages as its rate
// allows, and stores how far it is.
type moveTasks struct {
	e    *Engine
	mu   sync.Mutex
	byID map[string]*moveTask
	done sync.WaitGroup
}

func taskKey(id string) []byte { return append([]byte{kindTask}, id...) }

func (ts *moveTasks) load(e *Engine) error {
	ts.e, ts.byID = e, map[string]*moveTask{}
	return e.space.Scan([]byte{kindTask}, []byte{kindTask + 1}, func(_, value []byte) (bool, error) {
		m := &moveTask{}
		if err := json.Unmarshal(value, m); err != nil {
			return false, fmt.Errorf("load a move task: %w", err)
		}
		ts.byID[m.ID] = m
		return true, nil
	})
}

// resume goes on with the tasks that ran when the engine was last closed.
func (ts *moveTasks) resume() {
	for _, m := range ts.byID {
		if m.Status == taskRunning {
			ts.launch(m.ID)
		}
	}
}

func (ts *moveTasks) launch(id string) {
	ts.done.Add(1)
	go ts.run(id)
}

func (ts *moveTasks) wait() { ts.done.Wait() }

// add starts a task, one per source at a time, and drops the oldest that ended.
func (ts *moveTasks) add(m *moveTask) (kv.Pending, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if err := ts.e.checkWritable(); err != nil {
		return kv.Pending{}, err
	}
	b := ts.e.cfg.Store.NewBatch()
	ended := 0
	for _, old := range ts.sorted(m.Source) {
		m.Started = max(m.Started, old.Started+1) // they are told apart by age
		if old.Status == taskRunning {
			return kv.Pending{}, errorf(codeInvalidParameter, "There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		}
		if ended++; ended >= maxTasksKept {
			delete(ts.byID, old.ID)
			b.Delete(ts.e.space, taskKey(old.ID))
		}
	}
	ts.byID[m.ID] = m
	p, err := ts.save(b, m)
	if err == nil {
		ts.launch(m.ID)
	}
	return p, err
}

func (ts *moveTasks) save(b *kv.Batch, m *moveTask) (kv.Pending, error) {
	doc, _ := json.Marshal(m) // strings and numbers: always marshals
	b.Set(ts.e.space, taskKey(m.ID), doc)
	p, err := b.ApplyInReserve()
	if err != nil {
		return p, ts.e.failStore(err)
	}
	return p, nil
}

// of is a source's tasks, the latest first.
func (ts *moveTasks) ofSource(source string) []moveTask {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.sorted(source)
}

func (ts *moveTasks) sorted(source string) []moveTask {
	var list []moveTask
	for _, m := range ts.byID {
		if m.Source == source {
			list = append(list, *m)
		}
	}
	slices.SortFunc(list, func(a, b moveTask) int { return int(b.Started - a.Started) })
	return list
}

func (ts *moveTasks) cancel(id string) (moved int64, p kv.Pending, err error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	m := ts.byID[id]
	if m == nil {
		return 0, p, errNotFound("Task does not exist.")
	}
	if m.Status != taskRunning {
		return 0, p, errorf(codeInvalidParameter, "Only active tasks can be cancelled.")
	}
	if err := ts.e.checkWritable(); err != nil {
		return 0, p, err
	}
	m.Status = taskCancelled
	p, err = ts.save(ts.e.cfg.Store.NewBatch(), m)
	return m.Moved, p, err
}

// run works on a task until it ends or the engine closes.
func (ts *moveTasks) run(id string) {
	defer ts.done.Done()
	for {
		next := make(chan struct{})
		stopTimer := ts.e.cfg.Clock.AfterFunc(time.Second, func() { close(next) })
		if !ts.moveForASecond(id) {
			stopTimer()
			return
		}
		select {
		case <-next:
		case <-ts.e.done:
			stopTimer()
			return
		}
	}
}

// moveBatch is how many messages one batch moves.
const moveBatch = 50

// second moves one second's worth of messages, and says if the task goes on.
func (ts *moveTasks) moveForASecond(id string) bool {
	for moved := 0; ; {
		m, ok := ts.running(id)
		if !ok {
			return false
		}
		left := m.rate() - moved
		if left <= 0 {
			return true
		}
		n, err := ts.e.move(m, min(left, moveBatch))
		if refused(err) {
			return ts.e.broken.Load() == nil // a full disk: tried again next second
		}
		moved += n
		if !ts.progress(id, n, err) {
			return false
		}
	}
}

func (m *moveTask) rate() int {
	if m.Rate == nil {
		return maxMoveRate
	}
	return int(*m.Rate)
}

func (ts *moveTasks) running(id string) (moveTask, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	m := ts.byID[id]
	if m == nil || m.Status != taskRunning {
		return moveTask{}, false
	}
	return *m, true
}

// refused is whether the engine couldn't, and not the task: it is closing or
// broken, and a restart goes on, or the disk is full.
func refused(err error) bool {
	var answer *awswire.Error
	return errors.As(err, &answer) && answer.Status >= 500
}

// progress notes what a batch came to, and says if the task goes on.
func (ts *moveTasks) progress(id string, n int, err error) bool {
	var answer *awswire.Error
	errors.As(err, &answer)
	ts.mu.Lock()
	m := ts.byID[id]
	m.Moved += int64(n)
	m.ToMove = max(m.ToMove, m.Moved)
	switch {
	case m.Status != taskRunning:
	case err != nil:
		m.Status, m.Failure = taskFailed, QueryCode(answer.Code)
	case n == 0:
		m.Status = taskCompleted
	}
	running := m.Status == taskRunning
	p, err := ts.save(ts.e.cfg.Store.NewBatch(), m)
	ts.mu.Unlock()
	if err == nil {
		err = ts.e.waitDurable(p)
	}
	return running && err == nil
}
