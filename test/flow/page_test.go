package flow

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/control"
)

// TestLargePages: pages of the longest jobs and schedules fit into the answer of a Lambda
// function, and list all of them.
func TestLargePages(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const jobs, schedules = 100, 110
		d := deploy(t, quiet(nil))
		ann := control.Caller{Principal: control.Principal{Role: errand.RoleUser, Owner: "ann"}}
		quotes := errand.Command{Shell: strings.Repeat(`"`, 8000)} // each is four bytes of the answer
		spec := errand.Spec{Commands: []errand.Command{quotes, quotes}}
		for range jobs {
			if _, err := d.svc.CreateJob(t.Context(), ann, spec, control.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range schedules {
			sc := every("0 0 * * *", func(sc *errand.Schedule) { sc.Job = spec })
			sc.ScheduleKey = errand.ScheduleKey{Owner: []string{"ann", "bob"}[i%2], Name: fmt.Sprint("s", i)}
			must(t, d.svc.Store.PutSchedule(t.Context(), &sc))
		}
		admin := d.client(t, errand.RoleAdmin)
		count := func(path string) (n, pages int) {
			for cursor, more := "", true; more; more = cursor != "" {
				var list struct {
					Jobs      []api.Job
					Schedules []api.Schedule
					Next      string
				}
				d.list(t, admin, path, cursor, &list)
				n, pages, cursor = n+len(list.Jobs)+len(list.Schedules), pages+1, list.Next
			}
			return n, pages
		}
		if n, pages := count("/api/jobs"); n != jobs || pages != 2 {
			t.Errorf("%d jobs on %d pages, want %d on 2", n, pages, jobs)
		}
		if n, pages := count("/api/schedules"); n != schedules || pages < 3 {
			t.Errorf("%d schedules on %d pages, want %d on 3 or more", n, pages, schedules)
		}
	})
}

// list asks for a page of as many entries as there may be.
func (d *deployed) list(t *testing.T, c *api.Client, path, cursor string, page any) {
	t.Helper()
	q := url.Values{"limit": {fmt.Sprint(errand.MaxPage)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+path+"?"+q.Encode(), nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+c.Token)
	resp, err := d.http.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, resp.Status)
	}
	must(t, json.NewDecoder(resp.Body).Decode(page))
}
