package flow

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// What stands here the hostile profile found first.

// TestRepeatedCreateSendsTicket: a create that was answered with an error after
// the job was written, and before its ticket was sent, is finished by its
// repetition: the job doesn't wait for the sweep.
func TestRepeatedCreateSendsTicket(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	create := func() (errand.Job, error) {
		return w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "true"}}}, control.CreateOptions{Key: "key"})
	}
	w.faults.set("CreateJob", true)
	if _, err := create(); errand.CodeOf(err) != errand.CodeUnavailable {
		t.Fatalf("the first create: %v", err)
	}
	job, err := create()
	wantCode(t, err, "")
	k := w.worker("a")
	a := k.take(true)
	if a.JobID != job.Spec.ID {
		t.Errorf("got %s, want %s", a.JobID, job.Spec.ID)
	}
	k.beat(a)
	// Repeated again, it sends nothing: the job runs.
	_, err = create()
	wantCode(t, err, "")
	if n := w.tickets(); n != 1 {
		t.Errorf("%d tickets", n)
	}
}

// TestGroupKeepsItsOrder: a job of a group isn't answered for before its ticket
// is sent, or one that was created after it would overtake it.
func TestGroupKeepsItsOrder(t *testing.T) {
	for _, applied := range []bool{false, true} {
		t.Run(fmt.Sprintf("applied=%v", applied), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			create := func(key string) (errand.Job, error) {
				return w.svc.CreateJob(w.ctx, w.user, errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Group: "deploy"}, control.CreateOptions{Key: key})
			}
			w.faults.set("Send", applied)
			_, err := create("a")
			wantCode(t, err, errand.CodeUnavailable)
			first, err := create("a")
			wantCode(t, err, "")
			second, err := create("b")
			wantCode(t, err, "")
			k := w.worker("a")
			for _, job := range []errand.Job{first, second} {
				a := k.take(true)
				if a.JobID != job.Spec.ID {
					t.Fatalf("got %s, want %s", a.JobID, job.Spec.ID)
				}
				k.beat(a)
				_, err := k.submit(a, 0)
				wantCode(t, err, "")
			}
		})
	}
}

// losing loses the answer to the n-th request that holds a text.
type losing struct {
	next http.RoundTripper
	text string
	mu   sync.Mutex
	n    int // counted down
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	l.mu.Lock()
	if strings.Contains(r.Header.Get("X-Amz-Target")+" "+r.URL.Path, l.text) {
		l.n--
	}
	lose := l.n == 0
	if lose {
		l.n = -1
	}
	l.mu.Unlock()
	resp, err := l.next.RoundTrip(r)
	if err != nil || !lose {
		return resp, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return nil, io.ErrUnexpectedEOF
}

// through makes the world's Service reach AWS through a transport.
func (w *world) through(rt http.RoundTripper) {
	cfg := awsOf(w.stack)
	cfg.HTTPClient = &http.Client{Transport: rt}
	cfg.Retryer = func() aws.Retryer { return tireless(100) }
	w.svc = w.service(cfg)
}

// TestMalformedThenLostAnswer: behind a message that is no ticket the next one
// is received under an ID of its own, so that a lost answer doesn't lock its
// group until the hold is over.
func TestMalformedThenLostAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := w.settings.Queues[errand.DefaultQueue]
	_, err := sqs.NewFromConfig(awsOf(w.stack)).SendMessage(w.ctx, &sqs.SendMessageInput{
		QueueUrl: &url, MessageBody: aws.String("no ticket"), MessageGroupId: aws.String("x"), MessageDeduplicationId: aws.String("x"),
	})
	wantCode(t, err, "")
	job := w.create()
	k := w.worker("a")
	w.through(&losing{next: w.stack.RoundTripper(), text: "ReceiveMessage", n: 2})
	a, err := k.poll("p")
	wantCode(t, err, "")
	if a == nil || a.JobID != job.Spec.ID {
		t.Fatalf("got %+v, want job %s", a, job.Spec.ID)
	}
}

// TestLogChunkCut: a chunk whose connection ends in its middle is read again,
// and one that can't be read doesn't hold back those before it.
func TestLogChunkCut(t *testing.T) {
	normalOnly(t, "it cuts one chunk alone")
	t.Parallel()
	w := newWorld(t)
	job := w.create()
	k := w.worker("a")
	a := k.take(true)
	k.beat(a)
	bucket := s3.NewFromConfig(awsOf(w.stack), func(o *s3.Options) { o.UsePathStyle = true })
	for _, offset := range []int64{0, 3} {
		_, err := bucket.PutObject(w.ctx, &s3.PutObjectInput{
			Bucket: &w.settings.Bucket, Key: aws.String(errand.LogChunkKey(job.Spec.ID, 1, offset)),
			Body: bytes.NewReader(errand.Frame{Stream: errand.Stdout, Offset: offset, Data: []byte(fmt.Sprint(offset, "..")[:3])}.Append(nil)),
		})
		wantCode(t, err, "")
	}
	cut := &cutting{next: w.stack.RoundTripper(), path: errand.LogChunkKey(job.Spec.ID, 1, 3), left: 6}
	w.through(cut)
	page, err := w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID})
	wantCode(t, err, "")
	if len(page.Frames) != 1 || page.Next != 3 || page.Done {
		t.Errorf("page %+v", page)
	}
	_, err = w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID, Offset: 3})
	wantCode(t, err, errand.CodeUnavailable)
	cut.left = 2 // fewer than it is read
	page, err = w.svc.Logs(w.ctx, w.user, control.LogRequest{JobID: job.Spec.ID})
	wantCode(t, err, "")
	if len(page.Frames) != 2 || page.Next != 6 {
		t.Errorf("page %+v", page)
	}
}

// cutting ends some answers for a path in the middle of their bodies.
type cutting struct {
	next http.RoundTripper
	path string
	left int
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, c.path) && c.left > 0 {
		c.left--
		resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 5), broken{}))
	}
	return resp, err
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
