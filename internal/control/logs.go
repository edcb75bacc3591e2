package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/clock"
)

const (
	// logPageBytes is how much payload a page holds before it ends; a page of
	// control characters grows sixfold in JSON, and must fit into Lambda's 6 MB.
	logPageBytes = 512 << 10
	// listSize is the usual length of a list that is continued.
	listSize = 1000
	// logPollEvery is how often a held request looks for more frames. A change of the
	// job wakes it earlier.
	logPollEvery = 250 * time.Millisecond
	// earlyLog is how long after an attempt's start a follower asks twice as often.
	earlyLog = 30 * time.Second
)

// ObjectReader reads objects.
type ObjectReader interface {
	// Stat describes an object. Errors: ErrNotFound.
	Stat(ctx context.Context, key string) (Blob, error)
	// List lists up to 1000 objects below prefix in key order, after the given key.
	List(ctx context.Context, prefix, after string) ([]Blob, error)
	// Open reads an object. Errors: ErrNotFound.
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// Blob describes an object.
type Blob struct {
	Key      string
	Size     int64
	SHA256   string // lower-case hex; empty where it wasn't sent with one, and in lists
	Modified time.Time
}

// LogRequest selects a part of a job's log.
type LogRequest struct {
	JobID   string
	Attempt int // 0: the current one
	Offset  int64
	Tail    int64         // begin at most this many bytes before the log's end, instead of at Offset; 0: at Offset
	Chunk   int64         // LogPage.Chunk of the page before; 0: not known
	Wait    time.Duration // hold the answer until there is something, at most this long
	State   string        // of the page before: another one is something; empty: it isn't
	// Downloads asks for requests that read the stored log, instead of frames, if the
	// attempt was reported and some of its log is stored behind Offset.
	Downloads bool

	// given is above the attempts of the look before, if a change of the job ended the
	// wait since: such an attempt was given a moment ago. 0: not known.
	given int
}

// LogPage is a part of a log: frames in order, from Offset on.
type LogPage struct {
	Attempt int
	Offset  int64 // at which the page begins
	Next    int64
	// Chunk is where the chunk begins that holds Next, or will: it is named by that.
	// 0: not known.
	Chunk  int64
	Frames []errand.Frame
	// Downloads read the log from the one on that holds Next. There are no frames, then.
	Downloads []LogDownload
	Done      bool          // the job is over, and Next is the log's end
	Status    errand.Status // of the job
	Sealed    *errand.Log   // once the attempt was reported; without the tail

	// Interval is how long a follower waits before it asks again: not at all if there is
	// more now, or the server holds the request.
	Interval time.Duration

	// Job is the job as it ended, with Done, if it was read anyway.
	Job *errand.Job

	State    string // names the job's status, its attempts and its worker's silence
	Attempts []errand.JobAttempt
	Silence  *errand.Silence
}

// Logs reads a job's log from an offset on. It marks the job as watched, so that its
// worker uploads output every second.
// Errors: CodeJobNotFound, CodeInvalidField.
func (s *Service) Logs(ctx context.Context, c Caller, r LogRequest) (LogPage, error) {
	switch {
	case r.Offset < 0 || r.Attempt < 0:
		return LogPage{}, errand.InvalidField("offset", "offset and attempt must not be negative")
	case r.Tail < 0 || r.Tail > errand.MaxLogTailRead:
		return LogPage{}, errand.InvalidField("tail", "tail must be from 0 to %d bytes, not %d: read a larger end by its offset", errand.MaxLogTailRead, r.Tail)
	case r.Tail > 0 && r.Offset > 0:
		return LogPage{}, errand.InvalidField("tail", "give either offset or tail")
	case r.Chunk < 0 || r.Chunk > r.Offset:
		return LogPage{}, errand.InvalidField("chunk", "chunk must be that of the page whose next is the offset")
	}
	began := s.now()
	deadline := began.Add(min(r.Wait, s.Timing.PollWait))
	job, stop := s.Changes.subscribe(r.JobID)
	defer stop()
	var l logLook
	for {
		page, err := s.logsOnce(ctx, c, r, &l)
		if err != nil {
			return page, err
		}
		some := len(page.Frames) > 0 || len(page.Downloads) > 0 || page.Done || r.State != "" && r.State != page.State
		wait := !some && s.now().Before(deadline)
		if !wait || s.now().Sub(began) >= logPollEvery { // before, the worker couldn't use it
			s.watch(ctx, l.state)
		}
		if !wait {
			return page, nil
		}
		seen := l.state
		r.given, l.state = 0, nil
		if s.waitForChange(ctx, job.changed, max(s.Recheck, logPollEvery)) {
			r.given, l.state = page.Attempt+1, s.Changes.lastState(job, seen)
		}
		if ctx.Err() != nil { // the client has gone
			return page, nil
		}
		if !s.now().Before(deadline) { // it gets what there is
			s.watch(ctx, seen)
			return page, nil
		}
	}
}

// logLook is what a request knows of the job.
type logLook struct {
	spec  *errand.Spec  // nil: it isn't needed
	state *errand.State // nil: it must be read
}

// waitForChange waits until the job has changed, or for d, unless that is 0. It reports
// whether the job has.
func (s *Service) waitForChange(ctx context.Context, changed <-chan struct{}, d time.Duration) bool {
	var again <-chan struct{}
	if d > 0 {
		var stop func()
		again, stop = clock.After(s.Clock, d)
		defer stop()
	}
	select {
	case <-changed:
		return true
	case <-again:
	case <-ctx.Done():
	}
	return false
}

func (s *Service) logsOnce(ctx context.Context, c Caller, r LogRequest, l *logLook) (LogPage, error) {
	if l.state == nil {
		var err error
		if l.spec, l.state, err = s.logJob(ctx, c, r); err != nil {
			return LogPage{}, err
		}
	}
	st := l.state.Record()
	if r.Attempt > st.Attempt {
		return LogPage{}, errand.InvalidField("attempt", "job %s has no attempt %d; its latest is %d", st.JobID, r.Attempt, st.Attempt)
	}
	page := s.newLogPage(st, r)
	over := page.Attempt < st.Attempt || page.Status.Terminal()
	if page.Attempt == 0 {
		page.Done, page.Interval = over, s.logInterval(st)
		return page, nil
	}
	// The log of an attempt that ended is shown to its end while the job waits for the
	// next one, which may be this attempt revived.
	ended := over || slices.ContainsFunc(page.Attempts, func(a errand.JobAttempt) bool { return a.Attempt == page.Attempt && !a.EndedAt.IsZero() })
	if r.given > 0 && page.Attempt >= r.given && !ended { // no chunk of it can be here
		return page, nil
	}
	if r.Tail > 0 {
		if err := s.beginAtTail(ctx, st, &page, r.Tail, ended); err != nil {
			return page, err
		}
	}
	if r.Downloads && ended {
		if err := s.addLogDownloads(ctx, c, st, &page); err != nil || len(page.Downloads) > 0 {
			return page, err
		}
	}
	more, err := s.fillLog(ctx, st, &page, ended)
	page.Done = page.Done && over
	if !more && !page.Done {
		page.Interval = s.logInterval(st)
	}
	if err == nil && page.Done && l.spec != nil && st.Status.Terminal() {
		if res, err := s.result(ctx, st, st.Attempt); err == nil { // else the follower asks
			page.Job = &errand.Job{Spec: *l.spec, State: st, Result: res}
		}
	}
	return page, err
}

// logJob reads the state of a job whose log is read, and in a follower's first request its
// spec, too: the log of most jobs is one page, with which the job is sent. To read both at
// once costs as much as the state alone, unless the spec is large.
func (s *Service) logJob(ctx context.Context, c Caller, r LogRequest) (*errand.Spec, *errand.State, error) {
	if r.Offset > 0 || r.State != "" || !errand.ValidJobID(r.JobID) {
		state, err := s.ownState(ctx, c, r.JobID)
		return nil, state, err
	}
	var err error
	spec, state := s.Changes.recent.ended(r.JobID)
	if state == nil {
		spec, state, err = s.Store.Job(ctx, r.JobID)
	}
	if errors.Is(err, ErrNotFound) || err == nil && !c.Sees(spec.Owner) {
		return nil, nil, errJobNotFound(r.JobID)
	}
	if err != nil {
		return nil, nil, unavailable("read the job", err)
	}
	return spec, state, nil
}

// beginAtTail lets the page begin tail bytes before the log's end.
func (s *Service) beginAtTail(ctx context.Context, st errand.StateRecord, page *LogPage, tail int64, over bool) error {
	end, err := s.logEnd(ctx, st, page.Attempt, over)
	if err != nil {
		return err
	}
	page.Offset = max(0, end-tail)
	page.Next = page.Offset
	return nil
}

// logEnd is the length of the attempt's log: as it was reported, or as far as the worker
// has sent it.
func (s *Service) logEnd(ctx context.Context, st errand.StateRecord, attempt int, over bool) (int64, error) {
	if over {
		res, err := s.result(ctx, st, attempt)
		if err != nil || res != nil {
			return resultBytes(res), err
		}
	}
	last, err := s.lastChunk(ctx, errand.LogPrefix(st.JobID, attempt))
	if err != nil || last == "" {
		return 0, err
	}
	b, err := s.readObject(ctx, last, errand.MaxLogChunkBytes)
	if err != nil {
		return 0, unavailable("read the log", err)
	}
	frames, _ := errand.ParseFrames(b) // up to the first that is damaged
	if len(frames) == 0 {
		return chunkOffset(last), nil
	}
	return frames[len(frames)-1].End(), nil
}

func resultBytes(r *errand.Result) int64 {
	if r == nil {
		return 0
	}
	return r.Log.Bytes
}

// lastChunk is the key of the last chunk below prefix; empty: there is none.
func (s *Service) lastChunk(ctx context.Context, prefix string) (last string, err error) {
	for after := prefix; ; {
		chunks, err := s.Blobs.List(ctx, prefix, after)
		if err != nil {
			return "", unavailable("list the log", err)
		}
		for _, c := range chunks {
			after = c.Key
			if chunkOffset(c.Key) != notAChunk {
				last = c.Key
			}
		}
		if len(chunks) < listSize {
			return last, nil
		}
	}
}

// newLogPage returns a page without frames.
func (s *Service) newLogPage(st errand.StateRecord, r LogRequest) LogPage {
	now := s.now()
	view := st.View(now)
	page := LogPage{
		Attempt: r.Attempt, Offset: r.Offset, Next: r.Offset, Chunk: r.Chunk, Status: view.Status, Attempts: view.Attempts(), Silence: view.Silence(now, s.Timing.Heartbeat),
	}
	if page.Attempt == 0 {
		page.Attempt = st.Attempt
	}
	page.State = fmt.Sprintf("%s.%d.%d.%t", page.Status, st.Attempt, len(page.Attempts), page.Silence != nil)
	return page
}

// watch marks the job as watched. Errors are only logged. It rarely writes.
func (s *Service) watch(ctx context.Context, st *errand.State) {
	if !st.Watch(s.now(), s.Timing) {
		return
	}
	if err := s.Store.PutState(ctx, st); err != nil && !errors.Is(err, ErrConflict) {
		s.Log.InfoContext(ctx, "job not marked as watched", "job", st.Record().JobID, "err", err)
	}
}

// logInterval is how long a follower waits between requests that are not held. In the
// first seconds of an attempt, somebody is likely to sit before it.
func (s *Service) logInterval(st errand.StateRecord) time.Duration {
	switch {
	case s.Timing.PollWait > 0:
		return 0
	case st.Status == errand.Running && s.now().Sub(st.StartedAt) < earlyLog:
		return s.Timing.LogPoll / 2
	}
	return s.Timing.LogPoll
}

// fillLog adds frames to the page: from the chunks, then from the tail in the result,
// which has the whole log of a short job and needs no request of S3. more reports whether
// there may be another page now.
func (s *Service) fillLog(ctx context.Context, st errand.StateRecord, page *LogPage, over bool) (more bool, err error) {
	var res *errand.Result
	if over {
		if res, err = s.result(ctx, st, page.Attempt); err != nil {
			return false, err
		}
	}
	c := &chunkReader{Service: s, jobID: st.JobID, page: page, end: math.MaxInt64}
	if res != nil {
		c.end = res.Log.TailOffset
		page.Sealed = &errand.Log{Bytes: res.Log.Bytes, SHA256: res.Log.SHA256, TailOffset: res.Log.TailOffset}
	}
	if more, err = c.fill(ctx, over); err != nil || more {
		return more, err
	}
	if res == nil {
		page.Done = over
		return false, nil
	}
	return false, s.fillFromTail(st, page, &res.Log)
}

func (s *Service) fillFromTail(st errand.StateRecord, page *LogPage, log *errand.Log) error {
	tail, err := errand.ParseFrames(log.Tail)
	if err != nil {
		return fmt.Errorf("tail of job %s: %w", st.JobID, err)
	}
	page.add(tail)
	// A gap before the tail stays one: the log's end has been reached.
	page.Done = page.Next >= log.Bytes || page.Next < log.TailOffset
	return nil
}

// add appends what follows page.Next without a gap, up to a page's fill.
func (p *LogPage) add(frames []errand.Frame) {
	for _, f := range frames {
		if f.End() <= p.Next || f.Offset > p.Next || p.bytes() >= logPageBytes {
			continue
		}
		f.Data = f.Data[p.Next-f.Offset:]
		f.Offset = p.Next
		p.Frames = append(p.Frames, f)
		p.Next = f.End()
	}
}

// bytes is the size of the page's payload.
func (p *LogPage) bytes() int64 {
	if len(p.Frames) == 0 {
		return 0
	}
	return p.Next - p.Frames[0].Offset
}
