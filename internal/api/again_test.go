package api

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
)

// TestAgain: all that a request can say is in the job that it makes, under the same name.
func TestAgain(t *testing.T) {
	t.Parallel()
	names := map[string]reflect.Type{}
	for f := range reflect.TypeFor[Job]().Fields() {
		names[nameInJSON(f)] = f.Type
	}
	for f := range reflect.TypeFor[CreateJob]().Fields() {
		if name := nameInJSON(f); name != "watch" && names[name] != f.Type {
			t.Errorf("%s of a request is %v of a job; errand rerun needs it", name, names[name])
		}
	}
	want := CreateJob{
		Name: "n", Commands: []errand.Command{{Shell: "a | b"}, {Argv: []string{"c", ""}}}, Source: &errand.Source{SHA256: "x", Filename: "f.zip"},
		Env: map[string]string{"A": "b"}, Shell: "bash", Queue: "q", Group: "g", MaxAttempts: 2, TimeoutSeconds: 3, LeaseSeconds: 60,
		ContinueOnError: true, Terminal: &errand.Terminal{Columns: 80, Rows: 24},
	}
	job := Job{
		ID: "id", Status: errand.Completed, Name: want.Name, Commands: want.Commands, Source: &errand.Source{SHA256: "x", Filename: "f.zip", Size: 7}, Env: want.Env, Shell: want.Shell,
		Queue: want.Queue, Group: want.Group, MaxAttempts: want.MaxAttempts, TimeoutSeconds: want.TimeoutSeconds, LeaseSeconds: want.LeaseSeconds,
		ContinueOnError: want.ContinueOnError, Terminal: want.Terminal,
		After: []errand.Dependency{{JobID: "failed"}}, NotBefore: &time.Time{}, // what it waited for may never come again
	}
	got, err := job.Again()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func nameInJSON(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
