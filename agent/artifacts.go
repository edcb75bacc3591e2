package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/artifact"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/meter"
)

// sendArtifacts sends what the attempt gives back, and notes in the outcome what has
// arrived. It tries again as long as the server or the storage doesn't answer. Errors: as
// deliver's, if the attempt ends meanwhile.
func (t *attempt) sendArtifacts(out *attemptdir.Outcome) error {
	sums := out.Result.Artifacts
	if sums == nil || sums.Files == 0 {
		return nil
	}
	ctx, stop := t.artifactsCtx()
	defer stop()
	s, err := newArtifactSender(t)
	if err == nil {
		err = t.sending("artifacts", &s.meter, func() error { return s.send(ctx, sums) })
		s.close()
	}
	switch {
	case err == nil:
		return nil
	case t.reportCtx.Err() != nil:
		return undelivered(context.Cause(t.reportCtx))
	case api.CodeOf(err) == errand.CodeStaleAttempt:
		return nil // the server says the same of the result
	}
	t.agent.Log.Error("could not send the job's artifacts; reporting the result without them", "job", t.JobID, "err", err)
	sums.Files, sums.Bytes, sums.List = 0, 0, nil
	sums.Fail(err)
	return nil
}

// artifactsCtx returns a context that ends with the attempt's report, or when the job is
// cancelled from now on. The timeout is over: it is one of the commands.
func (t *attempt) artifactsCtx() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(t.reportCtx)
	stop := func() bool { return true }
	if t.workCtx.Err() == nil {
		stop = context.AfterFunc(t.workCtx, func() {
			if errors.Is(context.Cause(t.workCtx), errCancelled) {
				cancel(errCancelled)
			}
		})
	}
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// artifactSender sends the contents of an attempt's artifacts, each once, and then says
// which list names them.
type artifactSender struct {
	t     *attempt
	root  *os.Root
	list  *errand.ArtifactList
	notes *artifactNotes
	meter meter.Meter // of what hadn't arrived before

	refused atomic.Int32 // requests in a row that the storage refused

	mu     sync.Mutex
	failed map[string]error // by SHA-256: what can't be sent, and why
}

func newArtifactSender(t *attempt) (*artifactSender, error) {
	b, err := os.ReadFile(t.dir.Artifacts())
	if err != nil {
		return nil, fmt.Errorf("read the list of artifacts: %w", err)
	}
	list, err := errand.ParseArtifactList(b)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(t.dir.Work())
	if err != nil {
		return nil, fmt.Errorf("open the job's folder: %w", err)
	}
	return &artifactSender{t: t, root: root, list: list, notes: openArtifactNotes(t.dir.ArtifactsSent()), failed: map[string]error{}}, nil
}

func (s *artifactSender) close() {
	s.notes.close()
	_ = s.root.Close() // opened for reading
}

// send sends all contents and the list, and sets sums. What can't be sent, because it has
// changed meanwhile, is left out of the list.
func (s *artifactSender) send(ctx context.Context, sums *errand.Artifacts) error {
	items := s.contents()
	list, err := newListItem(s.list)
	if err != nil {
		return err
	}
	s.meter.Start(s.missingBytes(items))
	if err := s.sendSmall(ctx, append(items, list)); err != nil {
		return err
	}
	for _, i := range items {
		if err := s.sendLarge(ctx, i); err != nil {
			return err
		}
	}
	if len(s.failed) > 0 {
		sums.Files, sums.Bytes = s.dropFailed(sums)
		if list, err = newListItem(s.list); err != nil {
			return err
		}
		if err := s.sendSmall(ctx, []*artifactItem{list}); err != nil {
			return err
		}
	}
	sums.List = &list.Content
	return nil
}

// dropFailed leaves out of the list what could not be sent, and returns what is left.
func (s *artifactSender) dropFailed(sums *errand.Artifacts) (files int, size int64) {
	var left []errand.ArtifactFile
	for _, f := range s.list.Files {
		if err := s.failed[f.SHA256]; err != nil && f.Link == "" {
			sums.Fail(fmt.Errorf("%.200q is left out: %w", f.Path, err))
			continue
		}
		left = append(left, f)
		size += f.Size
	}
	s.list.Files = left
	return len(left), size
}

// An artifactItem is a content to be sent: a file's, or the list.
type artifactItem struct {
	errand.Content
	file *errand.ArtifactFile
	text []byte // of the list
}

// contents returns the contents of the files, each once.
func (s *artifactSender) contents() []*artifactItem {
	var items []*artifactItem
	seen := map[string]bool{}
	for i := range s.list.Files {
		f := &s.list.Files[i]
		if f.Link == "" && !seen[f.SHA256] {
			seen[f.SHA256] = true
			items = append(items, &artifactItem{Content: f.Content, file: f})
		}
	}
	return items
}

// missingBytes is how much of the contents hasn't arrived.
func (s *artifactSender) missingBytes(items []*artifactItem) (n int64) {
	for _, i := range items {
		switch {
		case s.notes.isDone(i.SHA256):
		case i.Size <= errand.SinglePutBytes:
			n += i.Size
		default:
			for _, part := range s.missingParts(i) {
				n += i.PartSize(part)
			}
		}
	}
	return n
}

func newListItem(l *errand.ArtifactList) (*artifactItem, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	return &artifactItem{Content: errand.Content{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(b))}, text: b}, nil
}

// open opens a range of the content.
func (s *artifactSender) open(i *artifactItem, at, size int64) (io.ReadCloser, error) {
	if i.file == nil {
		return io.NopCloser(bytes.NewReader(i.text[at : at+size])), nil
	}
	f, err := artifact.Open(s.root, i.file)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(f, at, size), f}, nil
}

// giveUp notes that a content can't be sent.
func (s *artifactSender) giveUp(i *artifactItem, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[i.SHA256] = err
	s.t.agent.Log.Warn("could not send an artifact", "job", s.t.JobID, "err", err)
}

const (
	// artifactSenders is how many contents or parts are sent at a time.
	artifactSenders = 4
	// artifactRefusals is how many requests in a row the storage may refuse that the
	// server has just signed.
	artifactRefusals = 20
	// artifactUploads is how often an upload that has gone is begun again.
	artifactUploads = 3
)

// sendSmall sends the contents that are one PUT each, and tries again those that haven't
// arrived.
func (s *artifactSender) sendSmall(ctx context.Context, items []*artifactItem) error {
	var pending []*artifactItem
	for _, i := range items {
		if i.Size <= errand.SinglePutBytes && !s.notes.isDone(i.SHA256) {
			pending = append(pending, i)
		}
	}
	for try := 1; len(pending) > 0; try++ {
		batch := pending[:min(len(pending), errand.MaxArtifactUploads)]
		again, err := s.sendBatch(ctx, batch)
		if err != nil {
			return err
		}
		pending = append(again, pending[len(batch):]...)
		if len(again) < len(batch) {
			try = 0
		}
		if err := s.pause(ctx, len(again), try); err != nil {
			return err
		}
	}
	return nil
}

// pause waits before the next try, if something has failed.
func (s *artifactSender) pause(ctx context.Context, failed, try int) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case failed == 0:
		return nil
	}
	return s.t.agent.backOff(ctx, max(try, 1), 0)
}

// sendBatch returns the contents that must be sent again.
func (s *artifactSender) sendBatch(ctx context.Context, batch []*artifactItem) (again []*artifactItem, err error) {
	uploads := make([]errand.ArtifactUpload, len(batch))
	for n, i := range batch {
		uploads[n].Content = i.Content
	}
	grants, err := s.sign(ctx, uploads)
	if err != nil {
		return nil, err
	}
	puts := make([]errand.SignedRequest, len(batch))
	for n, g := range grants {
		if g.Put == nil {
			return nil, errors.New("the server did not say where to send an artifact")
		}
		puts[n] = *g.Put
	}
	errs := s.putAll(ctx, len(batch), func(ctx context.Context, n int) error {
		i := batch[n]
		_, err := s.put(ctx, puts[n], i, 0, i.Size)
		if err == nil {
			s.notes.done(i.SHA256)
		}
		return err
	})
	for n, i := range batch {
		if s.isPermanent(errs[n]) {
			s.giveUp(i, errs[n])
		} else if errs[n] != nil {
			again = append(again, i)
		}
	}
	return again, nil
}

// putAll calls put for 0 to n-1, some at a time.
func (s *artifactSender) putAll(ctx context.Context, n int, put func(ctx context.Context, n int) error) []error {
	errs := make([]error, n)
	var running sync.WaitGroup
	for k := range min(artifactSenders, n) {
		running.Go(func() {
			for i := k; i < n; i += artifactSenders {
				errs[i] = put(ctx, i)
			}
		})
	}
	running.Wait()
	return errs
}

// isPermanent reports whether another try with another signature would fail, too.
func (s *artifactSender) isPermanent(err error) bool {
	var status *storageError
	if errors.As(err, &status) && status.isRefusal() {
		return status.code == http.StatusBadRequest || s.refused.Load() > artifactRefusals
	}
	var local *localError
	return errors.As(err, &local)
}

// sign asks the server how to send contents, until it has answered.
func (s *artifactSender) sign(ctx context.Context, uploads []errand.ArtifactUpload) ([]errand.ArtifactGrant, error) {
	r := &s.t.agent.registration
	for n := 1; ; n++ {
		var out api.SignedArtifacts
		err := r.call(ctx, 0, func(ctx context.Context, epoch int) (err error) {
			out, err = r.client.SignArtifacts(ctx, api.SignArtifacts{WorkerID: r.id.WorkerID, Epoch: epoch, JobID: s.t.JobID, Attempt: s.t.Attempt, Uploads: uploads})
			return err
		})
		switch {
		case err == nil && len(out.Grants) == len(uploads):
			return out.Grants, nil
		case err == nil:
			return nil, errors.New("the server's answer is not about the artifacts that it was asked for")
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		}
		after, temporary := api.Temporary(err)
		if !temporary && !errors.Is(err, errReregistered) && !isForeign(err) {
			return nil, err
		}
		s.t.agent.Log.Warn("could not ask how to send artifacts, trying again", "job", s.t.JobID, "try", n, "err", err)
		if err := s.t.agent.backOff(ctx, n, after); err != nil {
			return nil, err
		}
	}
}
