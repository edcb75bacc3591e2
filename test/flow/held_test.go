package flow

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
)

// TestCallsOnOneMachine counts the calls of AWS services that a job makes on one machine,
// if it does nothing and somebody follows its log: docs/performance.md lists them.
func TestCallsOnOneMachine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := quiet(map[string]string{"PollWait": "20s", "Bell": "false"})
		o.changes = &control.Changes{}
		d := deploy(t, o)
		time.Sleep(offBeat)
		c := &costly{deployed: d, t: t, user: d.client(t, errand.RoleUser)}
		var err error
		if c.reg, err = d.client(t, errand.RoleAgent).Register(t.Context(), errand.Registration{Name: "host"}); err != nil {
			t.Fatal(err)
		}
		c.worker = d.as(c.reg.Token)
		c.warmUp()
		_, err = c.user.Jobs(t.Context(), "", "", 1, "") // the token of many jobs
		c.must(err)

		before := c.stack.Usage()
		job, err := c.user.CreateJob(t.Context(), api.CreateJob{Commands: []errand.Command{{Shell: "true"}}}, "")
		c.must(err)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			page, err := c.user.Logs(t.Context(), job.ID, 0, 0, 20*time.Second)
			if err != nil || page.Job == nil || page.Job.Status != errand.Completed {
				t.Errorf("the log's page has the job %+v, %v", page.Job, err)
			}
		}()
		synctest.Wait()
		c.asg = c.sync(api.Sync{PollID: "poll", Count: 1})[0]
		synctest.Wait()
		c.submit(errand.Result{})
		<-ended
		got := map[string]int64{}
		for op, n := range c.since(before, 0, 0).calls {
			got[op] = n.Calls
		}
		want := map[string]int64{
			"dynamodb.PutItem": 5, "dynamodb.GetItem": 2, "dynamodb.Query": 1,
			"sqs.SendMessage": 1, "sqs.ReceiveMessage": 2, "sqs.DeleteMessage": 1,
		}
		for op, n := range want {
			if got[op] != n {
				t.Errorf("%d calls of %s, want %d", got[op], op, n)
			}
		}
	})
}
