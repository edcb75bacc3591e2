package flow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// s3 is the client that an agent or the CLI reaches the objects with: it knows
// nothing but what was signed.
func (w *world) s3() *http.Client { return &http.Client{Transport: w.objects()} }

// post writes an object by a grant, and returns the status.
func (w *world) post(g errand.WriteGrant, key string, body []byte) int {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	var err error
	for _, name := range slices.Sorted(maps.Keys(g.Fields)) {
		err = errors.Join(err, form.WriteField(name, g.Fields[name]))
	}
	err = errors.Join(err, form.WriteField("key", key))
	file, ferr := form.CreateFormFile("file", "chunk")
	if err = errors.Join(err, ferr); err == nil {
		_, err = file.Write(body)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.s3().Post(g.URL, form.FormDataContentType(), &b)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// logWriter is the log of one attempt, as its agent writes it.
type logWriter struct {
	k     *worker
	a     *errand.Assignment
	whole []byte
	open  []byte // frames not sent yet
	sent  int64
}

// say adds frames of at most a frame's length.
func (l *logWriter) say(b []byte) {
	for part := range slices.Chunk(b, errand.MaxFrameBytes) {
		f := errand.Frame{Stream: errand.Stdout, Offset: int64(len(l.whole)), Data: part}
		l.open = f.Append(l.open)
		l.whole = append(l.whole, part...)
	}
}

// flush sends what is open as a chunk.
func (l *logWriter) flush() {
	l.k.t.Helper()
	if s := l.k.post(l.a.Write, errand.LogChunkKey(l.a.JobID, l.a.Attempt, l.sent), l.open); s >= 300 {
		l.k.t.Fatalf("log chunk: HTTP %d", s)
	}
	l.drop()
}

// drop forgets what is open.
func (l *logWriter) drop() { l.open, l.sent = nil, int64(len(l.whole)) }

// submit ends the attempt; what is open rides in the result.
func (l *logWriter) submit() {
	l.k.t.Helper()
	sum := sha256.Sum256(l.whole)
	log := errand.Log{Bytes: int64(len(l.whole)), SHA256: hex.EncodeToString(sum[:]), Tail: l.open, TailOffset: l.sent}
	_, err := l.k.svc.SubmitResult(l.k.ctx, l.k.caller, l.k.report(l.a), errand.Result{Log: log})
	wantCode(l.k.t, err, "")
}

// readLog reads pages from an offset on until one is empty or the last.
func (w *world) readLog(id string, attempt int, offset int64) (payload []byte, last control.LogPage, pages int) {
	w.t.Helper()
	for {
		page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: id, Attempt: attempt, Offset: offset})
		wantCode(w.t, err, "")
		pages++
		for _, f := range page.Frames {
			if f.Offset != offset {
				w.t.Fatalf("a frame begins at %d, want %d", f.Offset, offset)
			}
			payload = append(payload, f.Data...)
			offset = f.End()
		}
		if page.Next != offset {
			w.t.Fatalf("next is %d behind a frame that ends at %d", page.Next, offset)
		}
		if page.Done || len(page.Frames) == 0 {
			return payload, page, pages
		}
	}
}

// bytesLike makes n bytes that aren't UTF-8 and don't repeat with frames.
func bytesLike(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i/251 + seed)
	}
	return b
}

func (w *world) logOf(k *worker) *logWriter {
	a := k.take(true)
	k.beat(a)
	return &logWriter{k: k, a: a}
}

// TestLogOverChunks: chunks written as an agent does, and a tail; every offset
// gives what follows it, also inside a frame, a chunk and the tail.
func TestLogOverChunks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	for i, n := range []int{10, 300 << 10, 1, 1500 << 10, 64 << 10} {
		l.say(bytesLike(n, i))
		l.flush()
		if got, page, _ := w.readLog(job.Spec.ID, 0, 0); !bytes.Equal(got, l.whole) || page.Done {
			t.Fatalf("%d bytes while it runs (done: %v), want %d", len(got), page.Done, len(l.whole))
		}
	}
	l.say(bytesLike(30<<10, 9))
	l.submit()
	end := int64(len(l.whole))
	for _, offset := range []int64{0, 1, 9, 10, 11, 64 << 10, 10 + 300<<10, 11 + 300<<10, 1 << 20, l.sent - 1, l.sent, l.sent + 1, end - 1, end} {
		got, page, pages := w.readLog(job.Spec.ID, 0, offset)
		if !bytes.Equal(got, l.whole[offset:]) || !page.Done || page.Sealed == nil || page.Sealed.Bytes != end {
			t.Errorf("from %d: %d bytes, want %d; last page %+v", offset, len(got), end-offset, page.Sealed)
		}
		if offset == 0 && pages < 4 {
			t.Errorf("%d bytes came in %d pages", end, pages)
		}
	}
	if got, page, _ := w.readLog(job.Spec.ID, 0, end+5); len(got) != 0 || !page.Done {
		t.Errorf("from beyond the end: %d bytes, done: %v", len(got), page.Done)
	}
}

// TestLogFromItsEnd: a reader begins near the end of what there is, while the attempt
// runs and after it, without a page of what stands before.
func TestLogFromItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	check := func(when string, tail int64) {
		t.Helper()
		want := max(0, int64(len(l.whole))-tail)
		page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Tail: tail})
		wantCode(t, err, "")
		if page.Offset != want {
			t.Fatalf("%s, the last %d bytes begin at %d, want %d", when, tail, page.Offset, want)
		}
		var got []byte
		for _, f := range page.Frames {
			got = append(got, f.Data...)
		}
		if tail < 512<<10 && !bytes.Equal(got, l.whole[want:]) {
			t.Errorf("%s: %d bytes, want the last %d", when, len(got), tail)
		}
		if page.Next != want+int64(len(got)) {
			t.Errorf("%s: next is %d after %d bytes from %d", when, page.Next, len(got), want)
		}
	}
	check("with no log yet", 100)
	for i, n := range []int{300 << 10, 1500 << 10, 10} {
		l.say(bytesLike(n, i))
		l.flush()
		for _, tail := range []int64{1, 11, 64 << 10, 1 << 30} {
			check("while it runs", tail)
		}
	}
	l.say(bytesLike(100, 9))
	l.submit()
	for _, tail := range []int64{1, 100, 101, 64 << 10} {
		check("after its end", tail)
	}
	for _, bad := range []control.LogRequest{{Tail: -1}, {Tail: 1<<30 + 1}, {Tail: 5, Offset: 5}} {
		bad.JobID = job.Spec.ID
		_, err := w.svc.Logs(w.ctx, w.user, bad)
		wantCode(t, err, errand.CodeInvalidField)
	}
}

// TestLogDownloads: the log of a reported attempt can be read directly from the storage,
// from any offset on: all but what rides in the result. That takes one list, and the
// server reads nothing.
func TestLogDownloads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	for i, n := range []int{10, 300 << 10, 1, 1500 << 10, 64 << 10} {
		l.say(bytesLike(n, i))
		l.flush()
	}
	ask := func(offset int64) control.LogPage {
		page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Offset: offset, Downloads: true})
		wantCode(t, err, "")
		return page
	}
	if page := ask(0); len(page.Downloads) > 0 || len(page.Frames) == 0 {
		t.Errorf("while it runs: %d downloads and %d frames", len(page.Downloads), len(page.Frames))
	}
	l.say([]byte("the end"))
	l.submit()
	for _, offset := range []int64{0, 9, 10, 11, 10 + 300<<10, 1 << 20, l.sent - 1} {
		before := w.stack.Usage()
		page := ask(offset)
		after := w.stack.Usage()
		for op, want := range map[string]int64{"s3.ListObjectsV2": 1, "s3.GetObject": 0} {
			if n := after[op].Calls - before[op].Calls; !isCount(n, want) {
				t.Errorf("from %d: %d calls of %s, want %d", offset, n, op, want)
			}
		}
		if page.Next != offset || page.Done || page.Interval != 0 || len(page.Frames) > 0 {
			t.Errorf("from %d: next %d, done %v, %d frames", offset, page.Next, page.Done, len(page.Frames))
		}
		if got := w.download(page); !bytes.Equal(got, l.whole[offset:l.sent]) {
			t.Errorf("from %d: %d bytes, want %d", offset, len(got), l.sent-offset)
		}
	}
	if page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID}); err != nil || page.Done || page.Sealed == nil || page.Sealed.Bytes != int64(len(l.whole)) {
		t.Errorf("the first page says %+v of the log's length, %v; want %d", page.Sealed, err, len(l.whole))
	}
	if page := ask(l.sent); len(page.Downloads) > 0 || len(page.Frames) != 1 || !page.Done {
		t.Errorf("the end: %d downloads and %d frames, done: %v", len(page.Downloads), len(page.Frames), page.Done)
	}
}

// download reads what the page offers, from its next byte on.
func (w *world) download(page control.LogPage) (payload []byte) {
	w.t.Helper()
	for i, d := range page.Downloads {
		resp, err := w.s3().Get(d.URL)
		if err != nil {
			w.t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if resp.Body.Close(); err != nil || int64(len(b)) != d.Size {
			w.t.Fatalf("%s: %d bytes, %v; want %d", resp.Status, len(b), err, d.Size)
		}
		frames, err := errand.ParseFrames(b)
		if err != nil || frames[0].Offset != d.Offset {
			w.t.Fatalf("download %d begins at %d, %v; want %d", i, frames[0].Offset, err, d.Offset)
		}
		for _, f := range frames {
			payload = append(payload, f.Data...)
		}
	}
	return payload[page.Next-page.Downloads[0].Offset:]
}

// TestLogInTailOnly: a short job's log is in its result, and costs S3 nothing.
func TestLogInTailOnly(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	l.say([]byte("h\xe9llo\n"))
	l.submit()
	got, page, _ := w.readLog(job.Spec.ID, 0, 0)
	if string(got) != "h\xe9llo\n" || !page.Done {
		t.Errorf("got %q, done: %v", got, page.Done)
	}
	for op := range w.stack.Usage() {
		if op == "s3.ListObjectsV2" || op == "s3.GetObject" {
			t.Errorf("it took %s", op)
		}
	}
}

// TestLogWithAGap: what the storage never took is missing; the log ends before
// it, and says how long it was.
func TestLogWithAGap(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	l.say([]byte("first\n"))
	l.flush()
	l.say(bytesLike(100, 0))
	l.drop()
	l.submit()
	got, page, _ := w.readLog(job.Spec.ID, 0, 0)
	if string(got) != "first\n" || !page.Done || page.Sealed == nil || page.Sealed.Bytes != 106 {
		t.Errorf("got %q, last page %+v", got, page)
	}
}

// endless is a storage whose log has a gap and then no end.
type endless struct {
	control.Blobs
	lists int
}

func (e *endless) List(_ context.Context, prefix, _ string) ([]control.Blob, error) {
	e.lists++
	var blobs []control.Blob
	for i := range 1000 {
		blobs = append(blobs, control.Blob{Key: fmt.Sprintf("%s%020d", prefix, 1000*e.lists+i)})
	}
	return blobs, nil
}

// TestGapIsWaitedFor: a reader whose next chunk isn't there yet doesn't go
// through all that comes behind it.
func TestGapIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	w.logOf(w.worker("a"))
	e := &endless{Blobs: w.svc.Blobs}
	w.svc.Blobs = e
	for offset, lists := range []int{0, 1} { // the first chunk is known by name
		got, page, _ := w.readLog(job.Spec.ID, 0, int64(offset))
		if len(got) > 0 || page.Next != int64(offset) || page.Done || e.lists != lists {
			t.Errorf("from %d: got %d bytes by %d listings, page %+v", offset, len(got), e.lists, page)
		}
	}
}

// tail follows a log as a client does: page by page, with what the page before said.
type tail struct {
	w     *world
	at    control.LogRequest
	got   []byte
	pages int
}

// more reads pages until there is nothing more now, and reports whether it was the last.
func (f *tail) more() (done bool) {
	f.w.t.Helper()
	for {
		page, err := f.w.svc.Logs(f.w.ctx, f.w.user, f.at)
		wantCode(f.w.t, err, "")
		f.pages++
		for _, frame := range page.Frames {
			f.got = append(f.got, frame.Data...)
		}
		f.at.Offset, f.at.Chunk = page.Next, page.Chunk
		if page.Done || len(page.Frames) == 0 {
			return page.Done
		}
	}
}

// lists is how often the log was listed.
func (w *world) lists() int64 { return w.stack.Usage()["s3.ListObjectsV2"].Calls }

// TestLogByName: a follower reads each chunk by the name that the one before gives, also
// where its pages end within chunks. Nothing is listed, while the job runs or at its end.
func TestLogByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	f := &tail{w: w, at: control.LogRequest{JobID: job.Spec.ID}}
	for i, n := range []int{10, 300 << 10, 1, 1500 << 10, 64 << 10} {
		if f.more() || !bytes.Equal(f.got, l.whole) {
			t.Fatalf("%d bytes before chunk %d, want %d", len(f.got), i, len(l.whole))
		}
		l.say(bytesLike(n, i))
		l.flush()
	}
	l.say([]byte("tail"))
	l.submit()
	if !f.more() || !bytes.Equal(f.got, l.whole) {
		t.Errorf("%d bytes at the end, want %d", len(f.got), len(l.whole))
	}
	if n := w.lists(); n != 0 {
		t.Errorf("%d lists, want 0", n)
	}
}

// TestLogFromTheMiddle: who begins in the middle of a log needs one list, and then none.
func TestLogFromTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	for i := range 3 {
		l.say(bytesLike(1000, i))
		l.flush()
	}
	f := &tail{w: w, at: control.LogRequest{JobID: job.Spec.ID, Offset: 1500}}
	for i := 3; i < 6; i++ {
		if f.more() || !bytes.Equal(f.got, l.whole[1500:]) {
			t.Fatalf("%d bytes before chunk %d, want %d", len(f.got), i, len(l.whole)-1500)
		}
		l.say(bytesLike(1000, i))
		l.flush()
	}
	if n := w.lists(); !isCount(n, 1) {
		t.Errorf("%d lists, want 1", n)
	}
	_, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Offset: 5, Chunk: 6})
	wantCode(t, err, errand.CodeInvalidField)
}

// TestLogOfAChunkSentAgain: a chunk that is sent twice, whose follower was between the two,
// is read once; one that comes late is waited for.
func TestLogOfAChunkSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	f := &tail{w: w, at: control.LogRequest{JobID: job.Spec.ID}}
	l.say(bytesLike(1000, 1))
	again := l.open
	l.flush()
	f.more()
	if s := w.post(l.a.Write, errand.LogChunkKey(job.Spec.ID, 1, 0), again); s >= 300 {
		t.Fatalf("HTTP %d", s)
	}
	l.say(bytesLike(1000, 2))
	late := l.open
	l.drop()
	l.say(bytesLike(1000, 3))
	l.flush()
	if f.more() || !bytes.Equal(f.got, l.whole[:1000]) {
		t.Fatalf("%d bytes without the second chunk, want 1000", len(f.got))
	}
	if s := w.post(l.a.Write, errand.LogChunkKey(job.Spec.ID, 1, 1000), late); s >= 300 {
		t.Fatalf("HTTP %d", s)
	}
	if f.more() || !bytes.Equal(f.got, l.whole) {
		t.Errorf("%d bytes, want %d", len(f.got), len(l.whole))
	}
}

// TestLogBegunAnew: an agent that lost its notes sends the log from its beginning, in other
// chunks. A follower reads the rest at the end, each byte once.
func TestLogBegunAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	f := &tail{w: w, at: control.LogRequest{JobID: job.Spec.ID}}
	l.say(bytesLike(1000, 1))
	l.flush()
	f.more()
	anew := &logWriter{k: l.k, a: l.a}
	anew.say(bytesLike(1000, 1))
	anew.say(bytesLike(500, 2))
	anew.flush()
	anew.submit()
	if !f.more() || !bytes.Equal(f.got, anew.whole) {
		t.Errorf("%d bytes, want %d", len(f.got), len(anew.whole))
	}
}

// TestFollowerInterval: a follower asks twice as often in an attempt's first seconds, and
// at once if there is more or the server holds requests.
func TestFollowerInterval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.svc.Timing.PollWait = 0
	job := w.create()
	want := func(d time.Duration) {
		t.Helper()
		if page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID}); err != nil || page.Interval != d {
			t.Errorf("interval %v, %v; want %v", page.Interval, err, d)
		}
	}
	want(time.Second)
	l := w.logOf(w.worker("a"))
	want(500 * time.Millisecond)
	w.clock.Advance(30 * time.Second)
	want(time.Second)
	l.say(bytesLike(600<<10, 1))
	l.flush()
	want(0)
	w.svc.Timing.PollWait = 20 * time.Second
	page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Offset: 600 << 10})
	if err != nil || page.Interval != 0 {
		t.Errorf("interval %v, %v where requests are held", page.Interval, err)
	}
}

// TestDamagedChunk: what stands before the damage is shown, and the log goes on
// to its end for who asks beyond it.
func TestDamagedChunk(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	l := w.logOf(w.worker("a"))
	l.say([]byte("whole\n"))
	l.open = append(l.open, "o 6 99 0 0\ncut"...)
	l.flush()
	if s := w.post(l.a.Write, l.a.Write.LogPrefix+"not-a-number", []byte("x")); s >= 300 {
		t.Fatalf("HTTP %d", s)
	}
	l.say([]byte("tail\n"))
	l.submit()
	if got, page, _ := w.readLog(job.Spec.ID, 0, 0); string(got) != "whole\ntail\n" || !page.Done {
		t.Errorf("got %q, done: %v", got, page.Done)
	}
}

// TestLogOfEachAttempt: attempts have logs of their own; an older one is done.
func TestLogOfEachAttempt(t *testing.T) {
	w := newWorld(t)
	job := w.create(attempts(2))
	first := w.logOf(w.worker("a"))
	first.say([]byte("one\n"))
	first.flush()
	if s := w.post(first.a.Write, errand.LogChunkKey(job.Spec.ID, 2, 0), []byte("x")); s != http.StatusForbidden {
		t.Errorf("writing to the next attempt's log: HTTP %d, want 403", s)
	}
	w.clock.Advance(time.Hour)
	second := w.logOf(w.worker("b"))
	second.say([]byte("two\n"))
	second.flush()
	for attempt, want := range map[int]string{0: "two\n", 1: "one\n", 2: "two\n"} {
		got, page, _ := w.readLog(job.Spec.ID, attempt, 0)
		if string(got) != want || page.Done != (attempt == 1) || page.Status != errand.Running {
			t.Errorf("attempt %d: %q, done: %v, job %s", attempt, got, page.Done, page.Status)
		}
	}
	_, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Attempt: 3})
	wantCode(t, err, errand.CodeInvalidField)
	_, err = w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Offset: -1})
	wantCode(t, err, errand.CodeInvalidField)
}

// TestHeldLogRequestWakes: a request that waits for more of the log learns at once of
// the job's end. No time passes on its clock, once it has looked twice and marked the job
// as watched.
func TestHeldLogRequestWakes(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	k := w.worker("a")
	a := k.take(true)
	k.beat(a)
	pages := make(chan control.LogPage, 1)
	go func() {
		page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Wait: time.Minute})
		if err != nil {
			t.Error(err)
		}
		pages <- page
	}()
	w.awaitLook()
	w.clock.Advance(lookInterval)
	for w.job(job.Spec.ID).State.WatchedUntil.IsZero() { // nor again
		runtime.Gosched()
	}
	if _, err := k.submit(a, 0); err != nil {
		t.Fatal(err)
	}
	select {
	case page := <-pages:
		if !page.Done || page.Status != errand.Completed {
			t.Errorf("done: %v, job %s", page.Done, page.Status)
		}
	case <-time.After(time.Minute): // of real time
		t.Error("the request still waits, for a clock that stands still")
	}
}

// lookInterval is how often a held request for a log looks, unless the job changes.
const lookInterval = 250 * time.Millisecond

// awaitLook waits until a held request for a log has looked and waits.
func (w *world) awaitLook() {
	for next, _ := w.clock.Next(); next != lookInterval; next, _ = w.clock.Next() {
		runtime.Gosched()
	}
}

// TestWatched: reading the log of a running job tells its worker to hurry.
func TestWatched(t *testing.T) {
	w := newWorld(t)
	job := w.create()
	k := w.worker("a")
	a := k.take(true)
	if a.Watched || k.beat(a)[0].Watched {
		t.Error("watched by nobody")
	}
	w.readLog(job.Spec.ID, 0, 0)
	if !k.beat(a)[0].Watched {
		t.Error("not watched after a read")
	}
	w.clock.Advance(w.svc.Timing.Watched)
	if k.beat(a)[0].Watched {
		t.Error("still watched")
	}
}

// get fetches a signed request's body.
func (w *world) get(r errand.SignedRequest) (status int, body []byte) {
	w.t.Helper()
	return w.send(r, nil)
}

// send does a signed request.
func (w *world) send(r errand.SignedRequest, body []byte) (status int, answer []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.ctx, r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	resp, err := w.s3().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// atLook does something after each read of a job by others: what the reader got is old then.
type atLook struct {
	control.Store
	do   []func()
	busy bool
}

func (s *atLook) Job(ctx context.Context, id string) (*errand.Spec, *errand.State, error) {
	spec, st, err := s.Store.Job(ctx, id)
	if !s.busy && len(s.do) > 0 {
		do := s.do[0]
		s.do, s.busy = s.do[1:], true
		do()
		s.busy = false
	}
	return spec, st, err
}

// TestNothingIsReadOfANewAttempt: a held request that the assignment wakes looks for no
// output, which can't be there yet. At the end, the log is in the result.
func TestNothingIsReadOfANewAttempt(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	job := w.create()
	k := w.worker("a")
	var l *logWriter
	w.svc.Store = &atLook{Store: w.svc.Store, do: []func(){func() { l = w.logOf(k) }}}
	pages := make(chan control.LogPage, 1)
	go func() {
		page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Wait: 20 * time.Second})
		wantCode(t, err, "")
		pages <- page
	}()
	w.awaitLook()
	l.say([]byte("all"))
	l.submit()
	page := <-pages
	if !page.Done || page.Job == nil || len(page.Frames) != 1 || string(page.Frames[0].Data) != "all" {
		t.Errorf("page %+v", page)
	}
	if n := w.stack.Usage()["s3.GetObject"].Calls; n != 0 {
		t.Errorf("%d objects were asked for, want 0", n)
	}
}
