package sqs

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// moveTasks runs the message move tasks, each on a goroutine of its own. Once a
// second by the engine's clock, a task moves as many messages as its rate
// allows, and stores its progress.
type moveTasks struct {
	e    *Engine
	mu   sync.Mutex
	byID map[string]*moveTask
}

func taskKey(id string) []byte { return append([]byte{kindTask}, id...) }

func (ts *moveTasks) load(e *Engine) error {
	ts.e, ts.byID = e, map[string]*moveTask{}
	return e.Keys.Scan([]byte{kindTask}, []byte{kindTask + 1}, func(_, value []byte) (bool, error) {
		m := &moveTask{}
		if err := json.Unmarshal(value, m); err != nil {
			return false, fmt.Errorf("load a move task: %w", err)
		}
		ts.byID[m.ID] = m
		return true, nil
	})
}

// resume continues the tasks that ran when the engine was closed.
func (ts *moveTasks) resume() {
	for _, m := range ts.byID {
		if m.Status == taskRunning {
			ts.start(m.ID)
		}
	}
}

func (ts *moveTasks) start(id string) {
	ts.e.Go(func() {
		if err := ts.run(id); err != nil {
			ts.e.Logf("move task %s: %v: %v", id, err, errors.Unwrap(err))
		}
	})
}

// add starts a task, of which a source has one at a time, and deletes the oldest
// ones that have ended.
func (ts *moveTasks) add(m *moveTask) (kv.Pending, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if err := ts.e.checkWritable(); err != nil {
		return kv.Pending{}, err
	}
	b := ts.e.Store.NewBatch()
	ended := 0
	for _, old := range ts.sorted(m.Source) {
		m.Started = max(m.Started, old.Started+1) // the order of the list
		if old.Status == taskRunning {
			return kv.Pending{}, errorf(codeInvalidParameter, "There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		}
		if ended++; ended >= maxTasksKept {
			delete(ts.byID, old.ID)
			b.Delete(ts.e.Keys, taskKey(old.ID))
		}
	}
	ts.byID[m.ID] = m
	p, err := ts.save(b, m)
	if err == nil {
		ts.start(m.ID)
	}
	return p, err
}

func (ts *moveTasks) save(b *kv.Batch, m *moveTask) (kv.Pending, error) {
	doc, _ := json.Marshal(m) // never fails
	b.Set(ts.e.Keys, taskKey(m.ID), doc)
	p, err := b.ApplyInReserve()
	if err != nil {
		return p, ts.e.storeFailed(err)
	}
	return p, nil
}

// ofSource returns the tasks of a source, the latest first.
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
	p, err = ts.save(ts.e.Store.NewBatch(), m)
	return m.Moved, p, err
}

// run works on a task until it ends, the engine closes, or the store fails.
func (ts *moveTasks) run(id string) error {
	for {
		secondOver, stopTimer := clock.After(ts.e.Clock, time.Second)
		running, err := ts.moveForASecond(id)
		if !running || err != nil {
			stopTimer()
			return err
		}
		select {
		case <-secondOver:
		case <-ts.e.Closing():
			stopTimer()
			return nil
		}
	}
}

// moveBatch is how many messages one batch moves.
const moveBatch = 50

// moveForASecond moves the messages of one second, and reports whether the task
// is still running. An error is one of the store.
func (ts *moveTasks) moveForASecond(id string) (running bool, err error) {
	for moved := 0; ; {
		m, running := ts.running(id)
		if !running {
			return false, nil
		}
		left := m.rate() - moved
		if left <= 0 {
			return true, nil
		}
		n, err := ts.e.move(m, min(left, moveBatch))
		switch {
		case isCode(err, codeInternal):
			return false, err
		case errors.Is(err, kv.ErrFull), isCode(err, codeUnavailable): // the engine closes
			return true, nil
		}
		moved += n
		if running, err := ts.progress(id, n, err); !running || err != nil {
			return false, err
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

// progress stores the result of a batch, and reports whether the task is still
// running.
func (ts *moveTasks) progress(id string, n int, moveErr error) (running bool, err error) {
	var answer *awswire.Error
	errors.As(moveErr, &answer)
	ts.mu.Lock()
	m := ts.byID[id]
	m.Moved += int64(n)
	m.ToMove = max(m.ToMove, m.Moved)
	switch {
	case m.Status != taskRunning:
	case moveErr != nil:
		m.Status, m.Failure = taskFailed, QueryCode(answer.Code)
	case n == 0:
		m.Status = taskCompleted
	}
	running = m.Status == taskRunning
	p, err := ts.save(ts.e.Store.NewBatch(), m)
	ts.mu.Unlock()
	if err == nil {
		err = ts.e.waitDurable(p)
	}
	return running, err
}
