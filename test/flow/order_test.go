package flow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// sequences notes the SequenceNumber that SQS gave each job's ticket.
type sequences struct {
	next http.RoundTripper
	mu   sync.Mutex
	of   map[string]string // job ID → SequenceNumber, as SQS writes it: 20 digits
}

func (s *sequences) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Amz-Target") != "AmazonSQS.SendMessage" {
		return s.next.RoundTrip(r)
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	resp, err := s.next.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	answer, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, errors.Join(err, s.note(sent, answer))
}

func (s *sequences) note(sent, answer []byte) error {
	var in struct{ MessageBody string }
	var out struct{ SequenceNumber string }
	err := errors.Join(json.Unmarshal(sent, &in), json.Unmarshal(answer, &out))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of[in.MessageBody] = out.SequenceNumber
	return err
}

// ranks numbers the jobs in the order of their tickets' SequenceNumbers.
func (s *sequences) ranks(t *testing.T, want int) map[string]int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range s.of {
		if len(n) != 20 {
			t.Fatalf("job %s: SequenceNumber %q", id, n)
		}
	}
	ids := slices.SortedFunc(maps.Keys(s.of), func(a, b string) int { return strings.Compare(s.of[a], s.of[b]) })
	if len(ids) != want {
		t.Fatalf("%d tickets, want %d", len(ids), want)
	}
	ranks := map[string]int{}
	for i, id := range ids {
		ranks[id] = i
	}
	return ranks
}

// assignments is the state that TestOrder's workers share: which jobs were assigned,
// in order, and which must not be assigned yet.
type assignments struct {
	t       *testing.T
	rank    map[string]int
	group   map[string]string
	mu      sync.Mutex
	given   map[string]bool
	runs    map[string]string // group → job, until its result is sent
	blocked map[string]string // the same, until its result was taken
}

// take polls and notes the result in one step, so that the notes are in the order of
// the polls.
func (s *assignments) take(k *worker, pollID string) (a *errand.Assignment, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := k.poll(pollID)
	if err != nil {
		s.t.Error(err)
		return nil, true
	}
	if a == nil {
		return nil, len(s.given) == len(s.rank)
	}
	n, group := s.rank[a.JobID], s.group[a.JobID]
	if other := s.runs[group]; other != "" {
		s.t.Errorf("job %d runs beside job %d of its group", n, s.rank[other])
	}
	for id, older := range s.rank {
		if !hostile() && older < n && !s.given[id] && s.blocked[s.group[id]] == "" {
			s.t.Errorf("job %d was given out though job %d, which is older, waited for nothing", n, older)
		}
	}
	s.given[a.JobID], s.runs[group], s.blocked[group] = true, a.JobID, a.JobID
	return a, false
}

func (s *assignments) finish(k *worker, a *errand.Assignment) {
	k.beat(a)
	s.mu.Lock()
	delete(s.runs, s.group[a.JobID])
	s.mu.Unlock()
	if _, err := k.submit(a, 0); err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	if group := s.group[a.JobID]; s.blocked[group] == a.JobID { // else the next one is out already
		delete(s.blocked, group)
	}
	s.mu.Unlock()
}

// TestOrder: 4 creators create 200 jobs concurrently, some in groups, and then 4
// workers take them. Jobs of a group run one at a time. Each assignment is the
// oldest available job, by the SequenceNumber of its ticket (except in the hostile
// profile, as on AWS).
func TestOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := awsOf(w.stack)
	seen := &sequences{next: w.stack.RoundTripper(), of: map[string]string{}}
	cfg.HTTPClient = &http.Client{Transport: seen}
	w.svc = w.service(cfg)
	const jobs, hands = 200, 4
	s := &assignments{t: t, group: map[string]string{}, given: map[string]bool{}, runs: map[string]string{}, blocked: map[string]string{}}
	var wg sync.WaitGroup
	for range hands {
		wg.Go(func() {
			for i := range jobs / hands {
				spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}}
				if i%3 == 0 {
					spec.Group = fmt.Sprintf("group-%d", i%5)
				}
				job, err := w.svc.CreateJob(w.ctx, w.user, spec, control.CreateOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				s.mu.Lock()
				s.group[job.Spec.ID] = job.State.MessageGroupID
				s.mu.Unlock()
			}
		})
	}
	wg.Wait()
	s.rank = seen.ranks(t, jobs)
	for n := range hands {
		k := w.worker(fmt.Sprint(n))
		wg.Go(func() {
			for i := 0; ; i++ {
				a, done := s.take(k, fmt.Sprintf("p%d-%d", n, i))
				if a != nil {
					s.finish(k, a)
				} else if done {
					return
				}
			}
		})
	}
	wg.Wait()
	if len(s.given) != jobs {
		t.Errorf("%d of %d jobs were given out", len(s.given), jobs)
	}
}

// TestNoneWaitsForTheSweep: 1,000 jobs come while workers wait. Each is taken by a
// poll that was held, or by the next one. The clock stands still, so no timer and no
// sweep can have helped.
func TestNoneWaitsForTheSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const jobs, workers = 1000, 20 // more than wait at the queue at a time
	ctx, stop := context.WithCancel(w.ctx)
	defer stop()
	var mu sync.Mutex
	taken := map[string]bool{}
	var wg sync.WaitGroup
	for n := range workers {
		k := w.worker(fmt.Sprint(n))
		wg.Go(func() {
			for i := 0; ; i++ {
				a, err := k.svc.TakeJob(ctx, k.caller, control.TakeRequest{WorkerID: k.id, Epoch: k.epoch, PollID: fmt.Sprintf("p%d-%d", n, i), Wait: errand.MaxPollWait * 1e9})
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					t.Error(err)
					stop()
					return
				}
				if a == nil {
					continue
				}
				if _, err := k.submit(a, 0); err != nil {
					t.Error(err)
				}
				mu.Lock()
				taken[a.JobID] = true
				if len(taken) == jobs {
					stop()
				}
				mu.Unlock()
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			for range jobs / 4 {
				spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}}
				if _, err := w.svc.CreateJob(w.ctx, w.user, spec, control.CreateOptions{}); err != nil {
					t.Error(err)
					stop()
					return
				}
			}
		})
	}
	wg.Wait()
	if len(taken) != jobs {
		t.Errorf("%d of %d jobs were taken", len(taken), jobs)
	}
}
