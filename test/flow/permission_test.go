package flow

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/localstack"
)

// TestPermissions: the functions are made to do all that they do, and each role
// grants exactly the calls that were made: none is missing, and none too many.
// (That none is missing, deploy holds for every other test that uses it.) Where the
// functions are processes, it is a test of the API alone: nobody sees their calls.
func TestPermissions(t *testing.T) {
	u := &everything{t: t}
	u.do()
	if isolated() {
		return
	}
	roles, err := templateRoles()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range functionNames() {
		made := u.calls.calls[name]
		if len(made) == 0 {
			t.Errorf("%s made no call: the test doesn't use it", name)
		}
		allowed := roles.of(name)
		for _, grant := range allowed.grants {
			if !made[grant] && !slices.Contains(logGrants(allowed), grant) {
				t.Errorf("%s may call %s, and doesn't", name, grant)
			}
		}
		for _, call := range slices.Sorted(maps.Keys(made)) { // also what it signs for others
			if !slices.Contains(allowed.grants, call) {
				t.Errorf("%s calls %s, which its role doesn't grant", name, call)
			}
		}
	}
}

// everything makes each function do all that it does. A step that is gone from
// here leaves grants that nothing uses, and fails the test.
type everything struct {
	*deployed
	t           *testing.T
	user, admin *api.Client
	worker      *api.Client
	reg         errand.Registered
	source      errand.UploadRequest
	polls       int
	queue       string // of the jobs; empty: the default
}

func (u *everything) do() {
	u.begin(nil)
	u.upload()
	for _, u.queue = range []string{"", "made"} {
		u.create()
		u.execute()
		u.drain()
		u.run()
		u.artifacts()
		u.giveBack()
		u.sync()
		u.cancel()
		if isolated() { // a function in a process of its own may learn of a kind half a minute later
			u.t.Log("skipped: jobs for certain workers, since each function's process reads the kinds for itself (TestNewKindOfAnotherProcess)")
		} else {
			u.place()
		}
		u.dependents()
		if u.clock != nil { // minutes pass
			u.longLease()
			u.sweep()
		}
	}
	u.queues()
	u.workers()
	u.sessions()
	for _, token := range []string{"u", "a", u.reg.Token} {
		u.askAs(token)
	}
	u.schedules() // days pass, and workers that were not seen are forgotten
}

// place creates jobs for certain workers, in a queue whose list of kinds is full of some
// that nothing waits for.
func (u *everything) place() {
	ctx := u.t.Context()
	named, err := u.as("a").Register(ctx, errand.Registration{Name: "the box" + u.queue})
	u.must(err)
	must := func(j api.CreateJob) {
		u.fillKinds()
		_, err := u.user.CreateJob(ctx, j, "")
		u.must(err)
	}
	j := u.job("")
	j.Worker = "the box" + u.queue
	must(j)
	u.fillKinds()
	_, err = u.user.Execute(ctx, api.Execute{Mode: api.ModeDistributed, CreateJob: j})
	u.want(err, "") // a Job is not what Execute reads
	j.Worker, j.Group = named.WorkerID, "placed"
	for _, park := range []func(){u.none, func() { u.ask() }} { // the ticket is of another worker's job
		must(j)
		u.fillKinds()
		park()
		j.Group += "-again"
	}
	j.Worker, j.Group = u.reg.WorkerID, ""
	must(j)
	u.submit(u.take())
	_, err = u.user.CreateJob(ctx, j, "")
	u.must(err)
	if u.clock != nil {
		a := u.ask()
		if len(a) != 1 {
			u.t.Fatalf("got %d", len(a))
		}
		u.submit(a[0])
		j.Requires = map[string]string{"gpu": "*"}
		must(j)
		u.clock.Advance(2 * time.Minute)
		u.fillKinds()
		u.must(u.stack.Tick(ctx, setup.SweepName))
	}
}

// fillKinds makes the queue's list of kinds full.
func (u *everything) fillKinds() {
	ctx := u.t.Context()
	l, err := u.svc.Store.Kinds(ctx, cmp.Or(u.queue, errand.DefaultQueue), true)
	u.must(err)
	l.Kinds = l.Kinds[:0:0]
	for i := range errand.MaxKinds {
		r := errand.Requirements{Worker: fmt.Sprintf("nobody-%d", i)}
		l.Kinds = append(l.Kinds, errand.Kind{ID: r.Kind(), Requirements: r})
	}
	u.must(u.svc.Store.PutKinds(ctx, l))
}

// workers does what an admin may with a worker, which was stopped before it is forgotten.
func (u *everything) workers() {
	ctx := u.t.Context()
	for _, do := range []string{"pause", "resume", "drain"} {
		_, err := u.admin.ManageWorker(ctx, do, u.reg.WorkerID)
		u.must(err)
	}
	_, err := u.admin.ManageWorker(ctx, "forget", u.reg.WorkerID)
	u.want(err, errand.CodeConflict)
	_, err = u.admin.ManageWorker(ctx, "forget", "no such worker")
	u.want(err, errand.CodeWorkerNotFound)
	reg, err := u.as("a").Register(ctx, errand.Registration{})
	u.must(err)
	_, err = u.as(reg.Token).Heartbeat(ctx, errand.Heartbeat{WorkerID: reg.WorkerID, Epoch: reg.Epoch, Stopped: true})
	u.must(err)
	_, err = u.admin.ManageWorker(ctx, "forget", reg.WorkerID)
	u.must(err)
}

// sessions signs in two browsers, and signs them out.
func (u *everything) sessions() {
	ctx := u.t.Context()
	for _, end := range []func(api.Session) error{
		func(s api.Session) error { return u.as(s.Token).EndSession(ctx) },
		func(s api.Session) error { return u.user.RevokeSession(ctx, s.ID) },
	} {
		code, err := u.user.NewSessionCode(ctx)
		u.must(err)
		s, err := u.as("").StartSession(ctx, code.Code)
		u.must(err)
		u.askAs(s.Token)
		code, err = u.user.NewSessionCode(ctx)
		u.must(err)
		s, err = u.as("").StartSession(ctx, code.Code) // askAs has signed out the other
		u.must(err)
		_, err = u.user.Tokens(ctx)
		u.must(err)
		u.must(end(s))
	}
}

// queues deletes the queue that the jobs were in, with a job that waits and one whose
// ticket was delivered.
func (u *everything) queues() {
	ctx := u.t.Context()
	_, err := u.admin.PauseQueue(ctx, "made", true)
	u.must(err)
	_, err = u.admin.PauseQueue(ctx, "made", false)
	u.must(err)
	_, err = u.user.Queues(ctx)
	u.must(err)
	_, err = u.user.CreateJob(ctx, u.job(""), "")
	u.must(err)
	a := u.take()
	u.beat(a)
	_, err = u.worker.SubmitFailure(ctx, api.SubmitFailure{
		WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, JobID: a.JobID, Attempt: a.Attempt, Failure: errand.Failure{Reason: errand.ReasonWorkerStopped},
	})
	u.must(err)
	_, err = u.admin.DeleteQueue(ctx, "made", false)
	u.want(err, errand.CodeQueueInUse)
	r, err := u.admin.DeleteQueue(ctx, "made", true)
	if err != nil || r.Cancelled == 0 || !r.Done {
		u.t.Fatalf("%+v, %v", r, err)
	}
}

// schedules does what a user may with schedules, and has the sweep start their jobs: with
// a folder, for a worker that is gone, and of an owner whose token is gone.
func (u *everything) schedules() {
	ctx := u.t.Context()
	u.queue = ""
	gone, err := u.as("a").Register(ctx, errand.Registration{Name: "the gone box"})
	u.must(err)
	create := func(name string, change func(*api.CreateJob)) error {
		sc := api.CreateSchedule{Name: name, Cron: "* * * * *", Missed: errand.MissedOnce, Job: u.job(u.source.SHA256)}
		change(&sc.Job)
		u.fillKinds()
		_, _, err := u.user.CreateSchedule(ctx, sc)
		return err
	}
	u.want(create("nowhere", func(j *api.CreateJob) { j.Source.SHA256 = nowhere }), errand.CodeSourceNotFound)
	dry, made, err := u.user.CreateSchedule(ctx, api.CreateSchedule{Name: "folder", Cron: "0 3 * * *", TimeZone: "Europe/Berlin", Job: u.job(u.source.SHA256), DryRun: true})
	if err != nil || made || len(dry.NextRuns) != 5 {
		u.t.Fatalf("%+v, %v, %v", dry, made, err)
	}
	_, err = u.user.Schedule(ctx, "folder")
	u.want(err, errand.CodeScheduleNotFound)
	u.must(create("folder", func(*api.CreateJob) {}))
	u.must(create("gone", func(j *api.CreateJob) { j.Worker = "the gone box" }))
	u.must(create("placed", func(j *api.CreateJob) { j.Requires = map[string]string{"gpu": "*"} }))
	_, _, err = u.admin.CreateQueue(ctx, "scheduled")
	u.must(err)
	u.must(create("queue", func(j *api.CreateJob) { j.Queue = "scheduled" }))
	for _, name := range []string{"folder", "placed", "queue"} {
		u.fillKinds()
		_, err = u.user.RunSchedule(ctx, name, "key-"+name)
		u.must(err)
	}
	_, err = u.user.Schedules(ctx, "")
	u.must(err)
	_, err = u.user.ScheduleJobs(ctx, "folder", "", "", 0, "")
	u.must(err)
	if u.clock != nil {
		w, err := u.svc.Store.Worker(ctx, gone.WorkerID)
		u.must(err)
		u.must(u.svc.Store.DeleteWorker(ctx, w))
		u.clock.Advance(10 * 24 * time.Hour)
		u.fillKinds()
		u.must(u.stack.Tick(ctx, setup.SweepName))
		u.must(u.svc.Store.DeleteToken(ctx, errand.HashToken("u")))
		u.clock.Advance(time.Minute)
		u.must(u.stack.Tick(ctx, setup.SweepName))
		u.must(u.svc.GrantToken(ctx, "u", errand.RoleUser, "ann", nil))
		for name, want := range map[string]string{"folder": "", "gone": "no worker"} {
			sc, err := u.user.Schedule(ctx, name)
			if err != nil || !strings.Contains(sc.Error, want) || (sc.LastRun != nil) == (name == "gone") {
				u.t.Fatalf("%+v, %v", sc, err)
			}
		}
	}
	if u.clock != nil { // the folder is gone
		u.clock.Advance(40 * 24 * time.Hour)
		u.must(u.stack.Tick(ctx, setup.SweepName))
	}
	for _, name := range []string{"folder", "gone", "placed", "queue"} {
		_, err = u.user.PauseSchedule(ctx, name, true)
		u.must(err)
		_, err = u.user.PauseSchedule(ctx, name, false)
		u.must(err)
		u.must(u.user.DeleteSchedule(ctx, name))
	}
}

func (u *everything) must(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
}

func (u *everything) want(err error, code errand.Code) {
	u.t.Helper()
	if got := api.CodeOf(err); got != code {
		u.t.Fatalf("%v, want %s", err, code)
	}
}

func (u *everything) begin(wrap func(function string, next http.RoundTripper) http.RoundTripper) {
	u.deployed = deploy(u.t, deployOptions{
		wrap: wrap, manual: !isolated(), parameters: map[string]string{"DirectMode": "true"},
		change: func(c *localstack.Config) {
			if wrap != nil {
				c.Leaked = nil // slow, and looked for without faults
			}
			c.Rates = map[string]time.Duration{setup.SweepName: 10_000 * time.Hour} // u.sweep calls it
			c.Functions["direct"] = localstack.FunctionCode{New: func(map[string]string) (localstack.Handler, error) {
				return lambda.NewHandler(u.direct), nil
			}}
		},
	})
	once := http.DefaultTransport.(*http.Transport).Clone()
	once.DisableKeepAlives = true // u.direct is to leave nothing behind
	u.http = &http.Client{Transport: u.calls.observeAPI(u.t, functionOf, once)}
	for role, token := range map[errand.Role]string{errand.RoleUser: "u", errand.RoleAgent: "a", errand.RoleAdmin: "d"} {
		u.must(u.svc.GrantToken(u.t.Context(), token, role, "ann", nil))
	}
	u.user, u.admin = u.as("u"), u.as("d")
	_, _, err := u.admin.CreateQueue(u.t.Context(), "made")
	u.must(err)
	u.reg, err = u.as("a").Register(u.t.Context(), errand.Registration{Features: []string{errand.FeatureArtifacts, errand.FeatureCache}})
	u.must(err)
	u.worker = u.as(u.reg.Token)
	_, err = u.user.Workers(u.t.Context(), "")
	u.must(err)
}

// functionOf is the function that a request goes to; empty: it is for an object.
func functionOf(r *http.Request) string {
	for _, e := range api.Endpoints() {
		for _, route := range e.Routes {
			if route.Method == r.Method && route.Path == r.URL.Path {
				return e.Name
			}
		}
	}
	return ""
}

// direct stands in for the function that runs commands: it fetches its source, and sends its log.
func (u *everything) direct(_ context.Context, r errand.DirectRequest) (errand.DirectReport, error) {
	u.fetch(r.Source)
	u.post(*r.Write, r.Write.Fields, errand.LogChunkName(r.Write.LogPrefix, 0), errand.Frame{Data: []byte("hello")}.Append(nil))
	return errand.DirectReport{DirectResult: errand.DirectResult{Status: errand.Completed, ExitCode: new(int)}}, nil
}

func (u *everything) fetch(s *errand.SourceGrant) {
	if s == nil {
		u.t.Error("there is no source")
		return
	}
	u.send(s.Download, nil)
}

// send makes a request that was signed.
func (u *everything) send(r errand.SignedRequest, body []byte) {
	req, err := http.NewRequestWithContext(u.t.Context(), r.Method, r.URL, bytes.NewReader(body))
	if err != nil {
		u.t.Error(err)
		return
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	resp, err := u.http.Do(req) // which looks at the answer
	if err != nil {
		u.t.Error(err)
		return
	}
	resp.Body.Close()
}

func (u *everything) upload() {
	body, r := folder(u.t)
	u.source = r
	up, err := u.user.CreateUpload(u.t.Context(), r)
	u.must(err)
	u.send(*up.Put, body)
	if up, err = u.user.CreateUpload(u.t.Context(), r); err != nil || !up.Exists {
		u.t.Fatalf("again: %+v, %v", up, err)
	}
	all, err := u.user.CreateUploads(u.t.Context(), errand.UploadBatch{Uploads: []errand.UploadRequest{r, r}})
	if err != nil || len(all.Uploads) != 2 || !all.Uploads[1].Exists {
		u.t.Fatalf("again, twice: %+v, %v", all, err)
	}
}

// folder is an archive that can be unpacked.
func folder(t *testing.T) ([]byte, errand.UploadRequest) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create("a"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return archive(b.String())
}

// job is one that the user may ask for.
func (u *everything) job(sha256 string) api.CreateJob {
	j := api.CreateJob{Commands: []errand.Command{{Shell: "true"}}, MaxAttempts: 2, Queue: u.queue}
	if sha256 != "" {
		j.Source = &errand.Source{SHA256: sha256}
	}
	return j
}

// nowhere is the hash of an archive that was never sent.
var nowhere = strings.Repeat("0", 64)

func (u *everything) create() {
	ctx := u.t.Context()
	_, err := u.user.CreateJob(ctx, u.job(nowhere), "")
	u.want(err, errand.CodeSourceNotFound)
	for range 2 {
		_, err = u.user.CreateJob(ctx, u.job(u.source.SHA256), "key"+u.queue)
		u.must(err)
	}
	page, err := u.user.Jobs(ctx, "", "", 1, "")
	u.must(err)
	sent, err := u.user.Source(ctx, page.Jobs[0].ID)
	u.must(err)
	u.fetch(sent.Source)
	for _, c := range []*api.Client{u.user, u.admin} {
		for _, status := range []errand.Status{"", errand.Pending} {
			_, err = c.Jobs(ctx, status, "", 0, "")
			u.must(err)
		}
	}
}

func (u *everything) execute() {
	ctx := u.t.Context()
	_, err := u.user.Execute(ctx, api.Execute{Mode: api.ModeDistributed, CreateJob: u.job(nowhere)})
	u.want(err, errand.CodeSourceNotFound)
	for range 2 {
		u.executeAs("key of execute " + u.queue)
	}
	out, err := u.user.Execute(ctx, api.Execute{Mode: api.ModeDirect, CreateJob: api.CreateJob{Commands: []errand.Command{{Shell: "true"}}, Source: &errand.Source{SHA256: u.source.SHA256}}})
	if err != nil || out.Status != errand.Completed {
		u.t.Fatalf("direct: %+v, %v", out, err)
	}
}

// executeAs creates a job by POST /api/execute with a key, which api.Client has no call for.
func (u *everything) executeAs(key string, members ...string) {
	body := `{"mode": "distributed", "queue": "` + u.queue + `", "commands": ["true"], "source": {"sha256": "` + u.source.SHA256 + `"}` + strings.Join(members, "") + `}`
	req, err := http.NewRequestWithContext(u.t.Context(), http.MethodPost, u.url+"/api/execute", strings.NewReader(body))
	u.must(err)
	req.Header.Set("Authorization", "Bearer u")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", strings.ReplaceAll(key, " ", "-"))
	resp, err := u.http.Do(req)
	u.must(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		b, _ := io.ReadAll(resp.Body)
		u.t.Fatalf("%s %s", resp.Status, b)
	}
}

// tick has the next request's signatures differ from those before.
func (u *everything) tick() {
	if u.clock != nil {
		u.clock.Advance(time.Second)
	}
}

// poll asks for work.
func (u *everything) poll(id string) *errand.Assignment {
	u.t.Helper()
	u.tick()
	a, err := u.worker.GetJob(u.t.Context(), u.reg.WorkerID, u.reg.Epoch, id, 0)
	u.must(err)
	return a
}

// take asks for work, of which there must be some.
func (u *everything) take() *errand.Assignment {
	u.t.Helper()
	u.polls++
	a := u.poll(fmt.Sprintf("p%d", u.polls))
	// A function in a process of its own learns of a new kind of job within 30 seconds.
	for range 40 {
		if a != nil || !isolated() {
			break
		}
		time.Sleep(time.Second)
		u.polls++
		a = u.poll(fmt.Sprintf("p%d", u.polls))
	}
	if a == nil {
		u.t.Fatal("there is no work")
	}
	return a
}

func (u *everything) beat(a *errand.Assignment) errand.Order {
	u.t.Helper()
	u.tick()
	answer, err := u.worker.Heartbeat(u.t.Context(), errand.Heartbeat{
		WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, Holds: []errand.Hold{{JobID: a.JobID, Attempt: a.Attempt, RenewWrites: true}},
	})
	u.must(err)
	return answer.Orders[0]
}

func (u *everything) submit(a *errand.Assignment) {
	u.t.Helper()
	_, err := u.worker.SubmitResult(u.t.Context(), api.SubmitResult{
		WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, JobID: a.JobID, Attempt: a.Attempt, Result: largeResult(0),
	})
	u.must(err)
}

// drain ends the jobs that others left waiting.
func (u *everything) drain() {
	for a := u.poll("drain"); a != nil; a = u.poll(fmt.Sprintf("drain%d", u.polls)) {
		u.polls++
		u.beat(a)
		u.submit(a)
	}
}

// run runs a job as an agent does whose first answer was lost, while its creator watches.
func (u *everything) run() {
	ctx := u.t.Context()
	job, err := u.user.CreateJob(ctx, u.job(u.source.SHA256), "")
	u.must(err)
	a := u.take()
	if again := u.poll(fmt.Sprintf("p%d", u.polls)); again == nil || again.JobID != a.JobID || again.Attempt != a.Attempt {
		u.t.Fatalf("asked again: %+v", again)
	}
	u.fetch(a.Source)
	first := errand.Frame{Data: []byte("hello ")}
	u.post(a.Write, a.Write.Fields, errand.LogChunkKey(a.JobID, a.Attempt, 0), first.Append(nil))
	w := u.beat(a).Write
	u.post(*w, w.Fields, errand.LogChunkKey(a.JobID, a.Attempt, 6), errand.Frame{Offset: 6, Data: []byte("world")}.Append(nil))
	page, err := u.user.Logs(ctx, job.ID, 0, 0, 0)
	if err != nil || page.Next != int64(len("hello world")) {
		u.t.Fatalf("log %+v, %v", page, err)
	}
	u.submit(a)
	_, err = u.user.Job(ctx, job.ID)
	u.must(err)
	page, err = u.user.Logs(ctx, job.ID, 0, page.Next, 0)
	if err != nil || page.Job == nil || page.Job.Result == nil {
		u.t.Fatalf("the log's end %+v, %v", page, err)
	}
}

// caches has a job keep a cache and find it.
func (u *everything) caches(a *errand.Assignment) {
	ctx := u.t.Context()
	ask := api.AskCache{WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, JobID: a.JobID, Attempt: a.Attempt}
	ask.Key = "go-1"
	pack, packed := newContent("a pack")
	root, rooted := newContent("a root")
	ask.Uploads = []errand.Content{packed, rooted}
	answer, err := u.worker.AskCache(ctx, ask)
	u.must(err)
	u.send(answer.Puts[0], pack)
	u.send(answer.Puts[1], root)
	ask.Uploads = nil
	answer, err = u.worker.AskCache(ctx, ask)
	u.must(err)
	u.send(answer.Found.Source.Download, nil)
}

// artifacts has a job give back a file, and a large one whose upload expires.
func (u *everything) artifacts() {
	ctx := u.t.Context()
	j := u.job("")
	j.Artifacts = []errand.Artifact{{Path: "dist"}}
	j.Cache = []errand.Cache{{Key: "go-1", Paths: []string{"~/.cache/go-build"}}}
	job, err := u.user.CreateJob(ctx, j, "")
	u.must(err)
	a := u.take()
	u.beat(a)
	body, content := newContent("a file")
	large := errand.ArtifactUpload{Content: errand.Content{SHA256: content.SHA256, Size: errand.SinglePutBytes + 1}}
	list, listContent := newArtifactList(errand.ArtifactFile{Path: "dist/a", Content: content, Mode: "0644"})
	sign := api.SignArtifacts{
		WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, JobID: a.JobID, Attempt: a.Attempt,
		Uploads: []errand.ArtifactUpload{{Content: content}, {Content: listContent}, large},
	}
	signed, err := u.worker.SignArtifacts(ctx, sign)
	u.must(err)
	u.send(*signed.Grants[0].Put, body)
	u.send(*signed.Grants[1].Put, list)
	large.UploadID = signed.Grants[2].UploadID
	lastPart, last := newContent("x")
	large.Parts = []errand.ArtifactPart{{Number: 5, SHA256: last.SHA256}}
	sign.Uploads = []errand.ArtifactUpload{large}
	signed, err = u.worker.SignArtifacts(ctx, sign)
	u.must(err)
	u.send(signed.Grants[0].Parts[0], lastPart)
	sign.Uploads[0].UploadID, sign.Uploads[0].Complete, sign.Uploads[0].Parts = "gone", true, nil
	for n := range large.Content.Parts() {
		sign.Uploads[0].Parts = append(sign.Uploads[0].Parts, errand.ArtifactPart{Number: n + 1, SHA256: content.SHA256, ETag: `"e"`})
	}
	sign.Uploads[0].SHA256 = nowhere
	_, err = u.worker.SignArtifacts(ctx, sign)
	u.want(err, errand.CodeUploadGone)
	u.caches(a)
	result := largeResult(0)
	result.Artifacts = &errand.Artifacts{Files: 1, Bytes: content.Size, List: &listContent}
	_, err = u.worker.SubmitResult(ctx, api.SubmitResult{WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, JobID: a.JobID, Attempt: a.Attempt, Result: result})
	u.must(err)
	page, err := u.user.Artifacts(ctx, job.ID, 0, "dist/**", "")
	u.must(err)
	if len(page.Files) != 1 {
		u.t.Fatalf("artifacts %+v", page)
	}
	u.send(*page.Files[0].Download, nil)
}

// post writes an object by a grant.
func (u *everything) post(g errand.WriteGrant, fields map[string]string, key string, body []byte) {
	u.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, value := range fields {
		u.must(form.WriteField(name, value))
	}
	u.must(form.WriteField("key", key))
	file, err := form.CreateFormFile("file", "chunk")
	u.must(err)
	_, err = file.Write(body)
	u.must(err)
	u.must(form.Close())
	resp, err := u.http.Post(g.URL, form.FormDataContentType(), &b)
	u.must(err)
	resp.Body.Close()
}

// giveBack has a job given back by a worker that stops, then cancelled.
func (u *everything) giveBack() {
	ctx := u.t.Context()
	job, err := u.user.CreateJob(ctx, u.job(""), "")
	u.must(err)
	a := u.take()
	u.beat(a)
	_, err = u.worker.SubmitFailure(ctx, api.SubmitFailure{
		WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, JobID: a.JobID, Attempt: a.Attempt, Failure: errand.Failure{Reason: errand.ReasonWorkerStopped},
	})
	u.must(err)
	_, err = u.user.Cancel(ctx, job.ID)
	u.must(err)
}

// sync runs jobs as an agent does: reports and questions in one.
func (u *everything) sync() {
	ctx := u.t.Context()
	job := u.job(u.source.SHA256)
	job.MaxAttempts, job.Group = 1, "deploy"
	for range 3 {
		_, err := u.user.CreateJob(ctx, job, "")
		u.must(err)
	}
	var reports []api.AttemptReport
	for range 3 {
		a := u.ask(reports...)
		if again := u.askAgain(reports...); len(a) != 1 || len(again) != 1 || again[0].JobID != a[0].JobID {
			u.t.Fatalf("got %d, again %d", len(a), len(again))
		}
		u.fetch(a[0].Source)
		u.post(a[0].Write, a[0].Write.Fields, errand.LogChunkKey(a[0].JobID, 1, 0), errand.Frame{Data: []byte("hello")}.Append(nil))
		result := largeResult(0)
		reports = []api.AttemptReport{{JobID: a[0].JobID, Attempt: 1, Result: &result}}
	}
	if a := u.ask(reports...); len(a) != 0 {
		u.t.Fatalf("got %+v", a[0])
	}
	job.MaxAttempts = 2
	_, err := u.user.CreateJob(ctx, job, "")
	u.must(err)
	a := u.ask()
	u.beat(a[0])
	failure := &errand.Failure{Reason: errand.ReasonAgentError}
	u.ask(api.AttemptReport{JobID: a[0].JobID, Attempt: 1, Failure: failure}) // and gets it again
	u.ask(api.AttemptReport{JobID: a[0].JobID, Attempt: 2, Failure: failure})
}

func (u *everything) ask(reports ...api.AttemptReport) []*errand.Assignment {
	u.t.Helper()
	u.polls++
	return u.askAgain(reports...)
}

func (u *everything) askAgain(reports ...api.AttemptReport) []*errand.Assignment {
	u.t.Helper()
	u.tick()
	in := api.Sync{WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, Reports: reports, PollID: fmt.Sprintf("p%d", u.polls), Count: 5}
	out, err := u.worker.Sync(u.t.Context(), in, 0)
	u.must(err)
	u.must(out.Problem.Err())
	for _, r := range out.Reports {
		u.must(r.Problem.Err())
	}
	return out.Attempts
}

// cancel leaves the ticket of a job that never ran, for a poll to find.
func (u *everything) cancel() {
	j := u.job("")
	j.Group = "deploy"
	grouped, err := u.user.CreateJob(u.t.Context(), j, "")
	u.must(err)
	_, err = u.user.Explain(u.t.Context(), grouped.ID)
	u.must(err)
	_, err = u.user.Cancel(u.t.Context(), grouped.ID) // rings for the next of its group
	u.must(err)
	u.none()
}

// createAfter creates a job that waits for the end of others.
func (u *everything) createAfter(ids ...string) string {
	u.t.Helper()
	j := u.job("")
	for _, id := range ids {
		j.After = append(j.After, errand.Dependency{JobID: id, On: errand.OnAny})
	}
	job, err := u.user.CreateJob(u.t.Context(), j, "")
	u.must(err)
	return job.ID
}

// dependents has jobs wait for others, whose ends release them.
func (u *everything) dependents() {
	ctx := u.t.Context()
	first := u.createAfter()
	second := u.createAfter(first)
	third := u.createAfter(second)
	_, err := u.user.Explain(ctx, second)
	u.must(err)
	u.executeAs(first, `, "after": [{"jobId": "`+first+`"}]`)
	u.submit(u.take()) // of the first
	reports := u.askAndReport(2)
	if len(reports) != 2 {
		u.t.Fatalf("%d jobs were released, want 2", len(reports))
	}
	u.sendReports(reports)
	if reports = u.askAndReport(1); len(reports) != 1 || reports[0].JobID != third {
		u.t.Fatalf("released %+v, want job %s", reports, third)
	}
	u.sendReports(reports)
	fourth := u.createAfter()
	fifth := u.createAfter(fourth)
	for _, id := range []string{fourth, fifth} {
		_, err = u.user.Cancel(ctx, id)
		u.must(err)
	}
	u.none()
}

// askAndReport takes what there is, and returns reports of its end.
// Functions in processes of their own may need more than one question for want attempts.
func (u *everything) askAndReport(want int) (reports []api.AttemptReport) {
	u.t.Helper()
	for range 40 {
		for _, a := range u.ask() {
			result := largeResult(0)
			reports = append(reports, api.AttemptReport{JobID: a.JobID, Attempt: a.Attempt, Result: &result})
		}
		if len(reports) >= want || !isolated() {
			break
		}
		time.Sleep(time.Second)
	}
	return reports
}

// sendReports sends reports, and does not ask for work.
func (u *everything) sendReports(reports []api.AttemptReport) {
	u.t.Helper()
	u.tick()
	_, err := u.worker.Sync(u.t.Context(), api.Sync{WorkerID: u.reg.WorkerID, Epoch: u.reg.Epoch, Reports: reports}, 0)
	u.must(err)
}

// none asks for work, of which there must be none.
func (u *everything) none() {
	u.t.Helper()
	u.polls++
	if a := u.poll(fmt.Sprintf("p%d", u.polls)); a != nil {
		u.t.Fatalf("got %+v", a)
	}
}

// longLease has the ticket of a job shown to a poll though the job's lease lives.
func (u *everything) longLease() {
	j := u.job("")
	j.LeaseSeconds = errand.MaxLeaseSeconds
	_, err := u.user.CreateJob(u.t.Context(), j, "")
	u.must(err)
	a := u.take()
	u.beat(a)
	u.clock.Advance(16 * time.Minute) // the ticket is hidden for 15
	u.none()
	u.submit(a)
}

// sweep leaves it one job of each kind: never taken, and with its lease over,
// with and without attempts left.
func (u *everything) sweep() {
	last := u.job("")
	last.MaxAttempts = 1
	for _, j := range []api.CreateJob{last, u.job("")} {
		job, err := u.user.CreateJob(u.t.Context(), j, "")
		u.must(err)
		u.beat(u.take())
		u.createAfter(job.ID)
	}
	_, err := u.user.CreateJob(u.t.Context(), u.job(""), "")
	u.must(err)
	u.clock.Advance(6 * time.Minute)
	u.must(u.stack.Tick(u.t.Context(), setup.SweepName))
}

// askAs calls every route with a token, whatever the answer: each function reads
// tokens of every kind before it refuses one.
func (u *everything) askAs(token string) {
	u.t.Helper()
	for _, e := range api.Endpoints() {
		for _, r := range e.Routes {
			req, err := http.NewRequestWithContext(u.t.Context(), r.Method, u.url+r.Path, strings.NewReader("{}"))
			u.must(err)
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Type", "application/json")
			resp, err := u.http.Do(req)
			u.must(err)
			resp.Body.Close()
			if resp.StatusCode >= 500 {
				u.t.Errorf("%s %s: %s", r.Method, r.Path, resp.Status)
			}
		}
	}
}

// TestLifetimes: the bucket keeps an upload as long as the Service counts on it,
// and no job queue has dead letters.
func TestLifetimes(t *testing.T) {
	text := string(errand.Template)
	timing := errand.DefaultTiming()
	if want := fmt.Sprintf("Prefix: uploads/, ExpirationInDays: %d }", int(timing.UploadLifetime.Hours()/24)); !strings.Contains(text, want) {
		t.Errorf("the template lacks %q", want)
	}
	if waits := timing.HoldLimit + timing.ExpireAfter; timing.UploadMargin < waits {
		t.Errorf("an upload used at its latest lives %s, and its job may wait %s", timing.UploadMargin, waits)
	}
	if want := "Prefix: artifacts/, ExpirationInDays: !Ref ArtifactDays }"; !strings.Contains(text, want) {
		t.Errorf("the template lacks %q", want)
	}
	if strings.Contains(text, "RedrivePolicy") {
		t.Error("a queue has dead letters: docs/adr/0002")
	}
}
