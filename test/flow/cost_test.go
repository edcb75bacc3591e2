package flow

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/localstack"
)

const (
	// maxJob is the goal for a million jobs that do nothing, in dollars;
	// maxIdle that for a worker that waits for a month.
	maxJob  = 16.0
	maxIdle = 0.20
	// maxWatched is the goal for a thousand jobs of 5 minutes that somebody watches.
	maxWatched = 2.0

	hoursOfMonth = 730

	// What agents and followers do; see agent/attempt.go, agent/logs.go and internal/cli/follow.go.
	firstBeat     = time.Second      // after an attempt's start
	flushInterval = 10 * time.Second // a chunk of the log, while nobody watches
	watchInterval = time.Second      // and while someone does
	lateInterval  = 2 * time.Second  // and has done so for
	earlyWatch    = 30 * time.Second
)

// TestCostPrices: docs/cost.md shows the prices that are used here.
func TestCostPrices(t *testing.T) { document(t, "prices", prices()) }

// costly is a job whose calls are counted, with a user and a worker.
type costly struct {
	*deployed
	t            *testing.T
	user, worker *api.Client
	reg          errand.Registered
	asg          *errand.Assignment
	cache        []errand.Cache // of the job that begins
	rings, heard int64
}

// offBeat is no multiple of any interval: what is counted then begins and ends
// between two events, and no two come at the same time.
const offBeat = 97*time.Second + 310*time.Millisecond

// quiet is a deployment in a synctest bubble where nothing but the product
// spends time.
func quiet(parameters map[string]string) deployOptions {
	return deployOptions{inProcess: true, parameters: parameters, change: func(c *localstack.Config) { c.Leaked = nil }}
}

// counted runs f for a deployed API in a synctest bubble.
func counted(t *testing.T, f func(*costly)) {
	bubble(t, func(t *testing.T) {
		d := deploy(t, quiet(nil))
		time.Sleep(offBeat)
		c := &costly{deployed: d, t: t, user: d.client(t, errand.RoleUser)}
		var err error
		if c.reg, err = d.client(t, errand.RoleAgent).Register(t.Context(), errand.Registration{Name: "host", Features: []string{errand.FeatureCache}}); err != nil {
			t.Fatal(err)
		}
		c.worker = d.as(c.reg.Token)
		c.warmUp()
		f(c)
	})
}

// warmUp has the functions that create and assign jobs read the lists of queues and kinds,
// as each process does every 30 seconds, however many jobs it handles.
func (c *costly) warmUp() {
	_, err := c.user.Jobs(c.t.Context(), "", "", 1, "")
	c.must(err)
	time.Sleep(5 * time.Second) // then it reads the user's token again
	c.sync(api.Sync{PollID: "before", Count: 1})
}

func (c *costly) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// begin creates a job and has it taken by the worker, which waits at the bell.
func (c *costly) begin(watch bool) {
	c.t.Helper()
	ctx := c.t.Context()
	rang := make(chan string, 1)
	go func() { rang <- c.bell(ctx) }()
	synctest.Wait()
	_, err := c.user.CreateJob(ctx, api.CreateJob{Commands: []errand.Command{{Shell: "true"}}, Watch: watch, Cache: c.cache}, "key")
	c.must(err)
	c.rings++
	if text := <-rang; !strings.Contains(text, errand.RingText) {
		c.t.Fatalf("the bell says %s", text)
	}
	taken := c.sync(api.Sync{PollID: "poll", Count: 1})
	if len(taken) != 1 {
		c.t.Fatal("there is no job")
	}
	c.asg = taken[0]
}

func (c *costly) sync(in api.Sync) []*errand.Assignment {
	c.t.Helper()
	in.WorkerID, in.Epoch = c.reg.WorkerID, c.reg.Epoch
	out, err := c.worker.Sync(c.t.Context(), in, 0)
	c.must(err)
	for _, r := range out.Reports {
		c.must(r.Problem.Err())
	}
	return out.Attempts
}

func (c *costly) bell(ctx context.Context) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+c.reg.Bell.URLs[0], nil)
	if err != nil {
		return err.Error()
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	c.heard++
	return string(body)
}

func (c *costly) beat() (interval time.Duration) {
	c.t.Helper()
	h := errand.Heartbeat{WorkerID: c.reg.WorkerID, Epoch: c.reg.Epoch, Holds: []errand.Hold{{JobID: c.asg.JobID, Attempt: c.asg.Attempt}}}
	answer, err := c.worker.Heartbeat(c.t.Context(), h)
	c.must(err)
	return time.Duration(answer.IntervalMs) * time.Millisecond
}

func (c *costly) submit(r errand.Result) {
	c.t.Helper()
	c.sync(api.Sync{PollID: "next", Count: 1, Reports: []api.AttemptReport{{JobID: c.asg.JobID, Attempt: c.asg.Attempt, Result: &r}}})
}

// read reads the log from a position until there is no more now.
func (c *costly) read(at *api.LogPosition) (interval time.Duration, done bool) {
	c.t.Helper()
	at.JobID = c.asg.JobID
	for {
		page, err := c.user.FollowLogs(c.t.Context(), *at, 0, "")
		c.must(err)
		at.Offset, at.Chunk = page.Next, page.Chunk
		if page.Done || page.PollIntervalMs > 0 {
			return time.Duration(page.PollIntervalMs) * time.Millisecond, page.Done
		}
	}
}

// chunk sends a piece of the log, as an agent does.
func (c *costly) chunk(offset int64, size int) {
	c.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	for name, value := range c.asg.Write.Fields {
		c.must(form.WriteField(name, value))
	}
	data := errand.Frame{Stream: errand.Stdout, Offset: offset, Data: bytes.Repeat([]byte("x"), size)}.Append(nil)
	c.must(form.WriteField("key", errand.LogChunkKey(c.asg.JobID, c.asg.Attempt, offset)))
	file, err := form.CreateFormFile("file", "chunk")
	c.must(err)
	_, err = file.Write(data)
	c.must(err)
	c.must(form.Close())
	resp, err := c.http.Post(c.asg.Write.URL, form.FormDataContentType(), &b)
	c.must(err)
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(resp.Body)
		c.t.Fatalf("the chunk at %d: %s %s", offset, resp.Status, text)
	}
}

// TestCostOfAJob: a job that does nothing is created, taken and reported, with the
// question for the next, and its status and log are read once.
func TestCostOfAJob(t *testing.T) {
	counted(t, func(c *costly) {
		before := c.stack.Usage()
		c.begin(true)
		c.submit(errand.Result{})
		page, err := c.user.Logs(c.t.Context(), c.asg.JobID, 0, 0, 0)
		c.must(err)
		if !page.Done || page.Job == nil || page.Job.Status != errand.Completed {
			c.t.Errorf("the log's last page has the job %+v", page.Job)
		}
		dollars, table := c.since(before, c.rings, c.heard).bill(1e6, "$ per million jobs")
		document(c.t, "no-op", table)
		if dollars > maxJob {
			c.t.Errorf("$%.2f for a million jobs that do nothing; the limit is $%.2f\n%s", dollars, maxJob, table)
		}
	})
}

// TestCostOfArtifacts: what it adds that a job gives back 10 files, which are listed and
// fetched.
func TestCostOfArtifacts(t *testing.T) {
	counted(t, func(c *costly) {
		ctx := c.t.Context()
		c.begin(true)
		c.beat()
		before := c.stack.Usage()
		var files []errand.ArtifactFile
		bodies := map[string][]byte{}
		sign := api.SignArtifacts{WorkerID: c.reg.WorkerID, Epoch: c.reg.Epoch, JobID: c.asg.JobID, Attempt: c.asg.Attempt}
		add := func(body []byte, content errand.Content) {
			bodies[content.SHA256] = body
			sign.Uploads = append(sign.Uploads, errand.ArtifactUpload{Content: content})
		}
		for i := range 10 {
			body, content := newContent(fmt.Sprint("file ", i))
			add(body, content)
			files = append(files, errand.ArtifactFile{Path: fmt.Sprint("dist/", i), Content: content, Mode: "0644"})
		}
		list, content := newArtifactList(files...)
		add(list, content)
		signed, err := c.worker.SignArtifacts(ctx, sign)
		c.must(err)
		for i, g := range signed.Grants {
			c.send(*g.Put, bodies[sign.Uploads[i].SHA256])
		}
		u := c.since(before, 0, 0)
		c.submit(errand.Result{Artifacts: &errand.Artifacts{Files: 10, List: &content}})
		before = c.stack.Usage()
		page, err := c.user.Artifacts(ctx, c.asg.JobID, 0, "", "")
		c.must(err)
		for _, f := range page.Files {
			c.send(*f.Download, nil)
		}
		for op, more := range c.since(before, 0, 0).calls {
			all := u.calls[op]
			all.Calls, all.ReadUnits, all.WriteUnits = all.Calls+more.Calls, all.ReadUnits+more.ReadUnits, all.WriteUnits+more.WriteUnits
			u.calls[op] = all
		}
		_, table := u.bill(1e6, "$ per million jobs")
		document(c.t, "artifacts", table)
	})
}

// TestCostOfCaches: what it adds that a job saves a cache of four packs, and another worker
// restores it.
func TestCostOfCaches(t *testing.T) {
	counted(t, func(c *costly) {
		ctx := c.t.Context()
		c.cache = []errand.Cache{goCache}
		c.begin(true)
		c.beat()
		before := c.stack.Usage()
		ask := api.AskCache{WorkerID: c.reg.WorkerID, Epoch: c.reg.Epoch, JobID: c.asg.JobID, Attempt: c.asg.Attempt}
		ask.Key, ask.Prefixes = "go-1", []string{"go-"}
		_, err := c.worker.AskCache(ctx, ask)
		c.must(err)
		var bodies [][]byte
		for i := range 4 {
			body, content := newContent(fmt.Sprint("pack ", i))
			bodies, ask.Uploads = append(bodies, body), append(ask.Uploads, content)
		}
		answer, err := c.worker.AskCache(ctx, ask)
		c.must(err)
		for i, put := range answer.Puts {
			c.send(put, bodies[i])
		}
		ask.Uploads = nil
		answer, err = c.worker.AskCache(ctx, ask)
		c.must(err)
		for _, get := range append(answer.Found.Source.Downloads, answer.Found.Source.Download) {
			c.send(get, nil)
		}
		u := c.since(before, 0, 0)
		_, table := u.bill(1e6, "$ per million jobs")
		document(c.t, "caches", table)
	})
}

// send makes a signed request.
func (c *costly) send(r errand.SignedRequest, body []byte) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), r.Method, r.URL, bytes.NewReader(body))
	c.must(err)
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	resp, err := c.http.Do(req)
	c.must(err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("%s: %s", r.Method, resp.Status)
	}
}

// TestCostOfALongJob: 5 minutes with 1 MB of log.
func TestCostOfALongJob(t *testing.T) {
	for name, watched := range map[string]bool{"unwatched": false, "watched": true} {
		t.Run(name, func(t *testing.T) {
			counted(t, func(c *costly) {
				before := c.stack.Usage()
				c.begin(watched)
				c.runFor(5*time.Minute, 1<<20, watched)
				u := c.since(before, c.rings, c.heard)
				u.withoutSweeps()
				dollars, table := u.bill(1e3, "$ per thousand jobs")
				document(c.t, name, table)
				if watched && dollars > maxWatched {
					c.t.Errorf("$%.2f for a thousand watched jobs; the goal is $%.0f\n%s", dollars, maxWatched, table)
				}
			})
		})
	}
}

// runFor lets the job run and write size bytes evenly, second by second, and
// reads its log: as it comes, or at the end.
func (c *costly) runFor(d time.Duration, size int64, watched bool) {
	begun, sent, read := time.Now(), int64(0), &api.LogPosition{}
	flush := func(now time.Time) time.Duration {
		switch {
		case !watched:
			return flushInterval
		case now.Sub(begun) < earlyWatch:
			return watchInterval
		}
		return lateInterval
	}
	nextBeat, nextFlush, nextRead := begun.Add(firstBeat), begun.Add(flush(begun)), begun
	for now := begun; now.Sub(begun) < d; now = time.Now() {
		if !now.Before(nextBeat) {
			nextBeat = now.Add(c.beat())
		}
		if !now.Before(nextFlush) {
			end := size * int64(now.Sub(begun)) / int64(d)
			c.chunk(sent, int(end-sent))
			sent, nextFlush = end, now.Add(flush(now))
		}
		if watched && !now.Before(nextRead) {
			interval, _ := c.read(read)
			nextRead = now.Add(interval)
		}
		time.Sleep(watchInterval / 2)
	}
	c.chunk(sent, int(size-sent))
	c.submit(errand.Result{Log: errand.Log{Bytes: size, TailOffset: size}})
	if _, done := c.read(read); !done || read.Offset != size {
		c.t.Errorf("the log ends at %d, %v; want %d", read.Offset, done, size)
	}
}

// TestCostOfAnIdleWorker: a real agent waits for an hour, and is given no work.
func TestCostOfAnIdleWorker(t *testing.T) {
	for name, bell := range map[string]string{"idle": "true", "idle-5-queues": "true", "idle-polling": "false"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := deploy(t, quiet(map[string]string{"Bell": bell}))
				if name == "idle-5-queues" {
					for _, q := range []string{"a", "b", "c", "d"} {
						if _, _, err := d.svc.CreateQueue(t.Context(), q); err != nil {
							t.Fatal(err)
						}
					}
				}
				a, err := agent.New(agent.Config{Client: d.client(t, errand.RoleAgent), HTTP: d.http, DataDir: t.TempDir(), Name: "host"})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				done := make(chan error, 1)
				go func() { done <- a.Run(ctx) }()
				time.Sleep(offBeat) // registered, and at rest
				before := d.stack.Usage()
				time.Sleep(time.Hour)
				u := d.since(before, 0, 0)
				u.withoutSweeps()
				if bell == "true" { // what calls no function goes to SQS
					u.split("sqs.ReceiveMessage", u.calls["apigateway.Request"].Calls-u.calls["lambda.Invoke"].Calls)
				}
				dollars, table := u.bill(hoursOfMonth, "$ per month")
				document(t, name, table)
				if bell == "true" && dollars > maxIdle {
					t.Errorf("$%.3f a month for a worker that waits; the goal is $%.2f\n%s", dollars, maxIdle, table)
				}
				cancel()
				if err := <-done; err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			})
		})
	}
}

// withoutSweeps leaves out the sweep's schedule, which is the deployment's and
// not the job's or the worker's. What a sweep does for a job that it finds stays.
func (u use) withoutSweeps() {
	queries, scans, invoked := u.calls["dynamodb.Query"], u.calls["dynamodb.Scan"], u.calls["lambda.Invoke"]
	sweeps := min(queries.Calls/sweepQueries, scans.Calls)
	queries.Calls -= sweeps * sweepQueries
	queries.ReadUnits -= float64(sweeps) * sweepUnits
	scans.Calls -= sweeps
	scans.ReadUnits -= float64(sweeps) * scanUnits
	invoked.Calls -= sweeps
	u.calls["dynamodb.Query"], u.calls["dynamodb.Scan"], u.calls["lambda.Invoke"] = queries, scans, invoked
	u.tidy()
}

// What a sweep uses that finds nothing due: for the index due, and for a scan of the index
// fresh.
const (
	sweepQueries = 4
	sweepUnits   = 2.0
	scanUnits    = 0.5
)

// TestCostOfTheSweep: what a deployment costs that nobody uses.
func TestCostOfTheSweep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := deploy(t, quiet(nil))
		time.Sleep(offBeat)
		before := d.stack.Usage()
		time.Sleep(time.Hour)
		u := d.since(before, 0, 0)
		_, table := u.bill(hoursOfMonth, "$ per month")
		document(t, "sweep", table)
		q, scans := u.calls["dynamodb.Query"], u.calls["dynamodb.Scan"]
		if q.Calls != 60*sweepQueries || q.ReadUnits != 60*sweepUnits || scans.Calls != 60 || scans.ReadUnits != 60*scanUnits || u.calls["lambda.Invoke"].Calls != 60 {
			t.Errorf("a sweep isn't what withoutSweeps takes it for:\n%s", table)
		}
	})
}

// TestCostOfASchedule: what the sweep does for an hourly schedule with a folder, with the
// creation of its jobs.
func TestCostOfASchedule(t *testing.T) {
	counted(t, func(c *costly) {
		ctx := c.t.Context()
		body, r := folder(c.t)
		up, err := c.user.CreateUpload(ctx, r)
		c.must(err)
		c.send(*up.Put, body)
		in := time.Now().UTC().Add(30 * time.Minute)
		_, _, err = c.user.CreateSchedule(ctx, api.CreateSchedule{
			Name: "hourly", Cron: fmt.Sprintf("%d * * * *", in.Minute()),
			Job: api.CreateJob{Commands: []errand.Command{{Shell: "true"}}, Source: &errand.Source{SHA256: r.SHA256}},
		})
		c.must(err)
		time.Sleep(10 * time.Minute) // the first sweep has looked at the folder
		before := c.stack.Usage()
		time.Sleep(time.Until(in.Truncate(time.Minute).Add(30 * time.Second))) // between two sweeps
		u := c.since(before, 1, 0)
		u.withoutSweeps()
		_, table := u.bill(hoursOfMonth, "$ per month")
		document(c.t, "schedule", table)
		if n := u.calls["sqs.SendMessage"].Calls; n != 1 {
			c.t.Errorf("%d tickets sent", n)
		}
	})
}

// shards of an index. One of fresh jobs holds 250 of 1,000, which is 2 or 2.5 read units,
// and one of active jobs none, which is 0.5.
const shards = 4

// TestCostOfAnExplanation: why a job waits behind 1,000 others is asked for, with 10
// workers.
func TestCostOfAnExplanation(t *testing.T) {
	counted(t, func(c *costly) {
		ctx := c.t.Context()
		for i := range 9 {
			_, err := c.client(c.t, errand.RoleAgent).Register(ctx, errand.Registration{Name: fmt.Sprint(i)})
			c.must(err)
		}
		job := api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}
		for range errand.MaxPosition {
			_, err := c.user.CreateJob(ctx, job, "")
			c.must(err)
		}
		time.Sleep(time.Second)
		last, err := c.user.CreateJob(ctx, job, "")
		c.must(err)
		before := c.stack.Usage()
		e, err := c.user.Explain(ctx, last.ID)
		c.must(err)
		if e.Before.Jobs != errand.MaxPosition {
			c.t.Errorf("before it: %+v", e.Before)
		}
		u := c.since(before, 0, 0)
		queries := u.calls["dynamodb.Query"] // of shards, whose sizes are random
		queries.ReadUnits = max(queries.ReadUnits, 1+3*shards)
		u.calls["dynamodb.Query"] = queries
		_, table := u.bill(1e6, "$ per million explanations")
		document(c.t, "explain", table)
	})
}
