package errand_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/errandhq/errand"
)

// A command is a string for the shell, or a program and its arguments.
func ExampleCommand() {
	var commands []errand.Command
	if err := json.Unmarshal([]byte(`["make | tee log", {"argv": ["echo", "two words"]}]`), &commands); err != nil {
		fmt.Println(err)
	}
	for _, c := range commands {
		fmt.Println(c)
	}
	// Output:
	// make | tee log
	// echo 'two words'
}

// A job is checked once what its creator left out has its defaults.
func ExampleSpec_Validate() {
	spec := errand.Spec{Commands: []errand.Command{{Shell: "make"}}, MaxAttempts: 99}
	spec.Normalise(errand.DefaultTiming())
	fmt.Println(spec.Validate())
	// Output: invalid_field: maxAttempts must be from 1 to 10, not 99
}

// A job is created, given to a worker, accepted by a heartbeat, and reported.
func ExampleState() {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	timing := errand.DefaultTiming()
	spec := errand.Spec{ID: "01JDEXAMPLE000000000000000", MaxAttempts: 1, LeaseSeconds: 300, CreatedAt: now}

	st := errand.NewState(&spec, timing)
	fmt.Println(st.Record().Status)
	st.Assign(now, errand.Taker{WorkerID: "worker-1", PollID: "poll-1", Handle: "handle-1"}, timing)
	st.Renew(now.Add(10*time.Second), "worker-1", 1)
	fmt.Println(st.Record().Status, "until", st.Record().LeaseUntil.Format(time.TimeOnly))
	st.Complete(now.Add(time.Minute), &errand.Result{ExitCode: 2})
	fmt.Println(st.Record().Status, *st.Record().ExitCode)
	// Output:
	// pending
	// running until 12:05:10
	// completed 2
}

// A reader sees a job whose lease is over as lost before the sweep writes it.
func ExampleStateRecord_View() {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	spec := errand.Spec{ID: "01JDEXAMPLE000000000000000", MaxAttempts: 1, LeaseSeconds: 300, CreatedAt: now}
	st := errand.NewState(&spec, errand.DefaultTiming())
	st.Assign(now, errand.Taker{WorkerID: "worker-1", PollID: "poll-1", Handle: "handle-1"}, errand.DefaultTiming())
	st.Renew(now, "worker-1", 1)

	view := st.Record().View(now.Add(10 * time.Minute))
	fmt.Println(st.Record().Status, "is shown as", view.Status, view.Reason)
	// Output: running is shown as failed lost
}

// A chunk of a log is frames one after another.
func ExampleParseFrames() {
	first := errand.Frame{Stream: errand.Stdout, Elapsed: 5 * time.Millisecond, Data: []byte("hello\n")}
	second := errand.Frame{Stream: errand.Stderr, Offset: first.End(), Elapsed: 9 * time.Millisecond, Data: []byte("oh\n")}
	frames, err := errand.ParseFrames(second.Append(first.Append(nil)))
	for _, f := range frames {
		fmt.Printf("%s at byte %d: %q\n", f.Stream.Name(), f.Offset, f.Data)
	}
	fmt.Println(err)
	// Output:
	// stdout at byte 0: "hello\n"
	// stderr at byte 6: "oh\n"
	// <nil>
}

// Output that isn't UTF-8 travels as base64.
func ExampleBytes() {
	b, err := json.Marshal([]errand.Bytes{[]byte("plain"), {0xff}})
	fmt.Println(string(b), err)
	// Output: ["plain",{"base64":"/w=="}] <nil>
}

// The code of an error says what kind of failure it is, and its HTTP status.
func ExampleCodeOf() {
	err := fmt.Errorf("cancel: %w", errand.Errorf(errand.CodeJobFinished, "job 1 is completed"))
	fmt.Println(errand.CodeOf(err), errand.CodeOf(err).Status())
	// Output: job_finished 409
}

func ExampleQuoteWord() {
	fmt.Println(errand.QuoteWord("plain-word"), errand.QuoteWord("it's"))
	// Output: plain-word 'it'\''s'
}
