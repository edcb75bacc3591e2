package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// A client creates a job, and asks for it until it is over.
func ExampleClient() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/jobs/create" {
			fmt.Fprint(w, `{"id":"01JDEXAMPLE000000000000000","status":"pending"}`)
			return
		}
		fmt.Fprint(w, `{"id":"01JDEXAMPLE000000000000000","status":"completed","exitCode":0}`)
	}))
	defer srv.Close()

	ctx := context.Background()
	client := &api.Client{BaseURL: srv.URL, Token: errand.NewToken(errand.RoleUser, "")}
	job, err := client.CreateJob(ctx, api.CreateJob{Commands: []errand.Command{{Shell: "make"}}}, "")
	for err == nil && !job.Status.Terminal() {
		fmt.Println(job.Status)
		job, err = client.Job(ctx, job.ID)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Status, *job.ExitCode)
	// Output:
	// pending
	// completed 0
}

// A call may be tried again if the server was not reached, or was overloaded.
func ExampleTemporary() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"code":"unavailable","detail":"the server could not read the job; try again"}`)
	}))
	defer srv.Close()

	_, err := (&api.Client{BaseURL: srv.URL}).Job(context.Background(), "01JDEXAMPLE000000000000000")
	after, again := api.Temporary(err)
	fmt.Println(api.CodeOf(err), after, again)
	// Output: unavailable 3s true
}
