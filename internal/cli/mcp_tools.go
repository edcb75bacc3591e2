package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

type mcpRun struct {
	Commands    []string          `json:"commands,omitempty" jsonschema:"lines for the worker's shell, run one after another until one fails"`
	Argv        []string          `json:"argv,omitempty" jsonschema:"instead of commands: one program and its arguments, run without a shell"`
	Folder      string            `json:"folder,omitempty" jsonschema:"folder to copy to the worker, relative to the root; default the root itself"`
	NoFiles     bool              `json:"noFiles,omitempty" jsonschema:"send no folder"`
	Env         map[string]string `json:"env,omitempty" jsonschema:"environment variables of the commands"`
	Queue       string            `json:"queue,omitempty" jsonschema:"queue of the workers that may run it"`
	Name        string            `json:"name,omitempty" jsonschema:"display name of the job"`
	Timeout     string            `json:"timeout,omitempty" jsonschema:"stop the job after this time, like 90s or 10m"`
	Artifacts   []string          `json:"artifacts,omitempty" jsonschema:"patterns of files to give back, like build/*.log"`
	WaitSeconds int               `json:"waitSeconds,omitempty" jsonschema:"how long to wait for the end; default 60, at most 600"`
}

func (s *mcpServer) run(ctx context.Context, _ *mcp.CallToolRequest, in mcpRun) (*mcp.CallToolResult, any, error) {
	wait, err := mcpWaitOf(in.WaitSeconds)
	if err != nil {
		return nil, nil, err
	}
	body, err := in.job(s.queue)
	if err != nil {
		return nil, nil, err
	}
	if err := body.Check(); err != nil {
		return nil, nil, withoutCode(err)
	}
	if !in.NoFiles {
		dir, err := s.folder(in.Folder)
		if err != nil {
			return nil, nil, err
		}
		if err := s.app.addSource(ctx, s.client, dir, &fileFlags{maxSize: defaultMaxSize}, &body); err != nil {
			return nil, nil, err
		}
	}
	job, err := s.app.createJob(ctx, retryConnected, s.client, body)
	if err != nil {
		return nil, nil, err
	}
	result, err := s.await(ctx, job.ID, wait)
	if ctx.Err() != nil { // the agent doesn't want it any more
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		_, cerr := s.client.Cancel(after, job.ID)
		return nil, nil, errors.Join(err, cerr)
	}
	return result, nil, err
}

// job is the request without a source.
func (in *mcpRun) job(queue string) (api.CreateJob, error) {
	body := api.CreateJob{Env: in.Env, Queue: cmp.Or(in.Queue, queue), Name: in.Name, MaxAttempts: 1, Watch: true}
	switch {
	case (len(in.Commands) == 0) == (len(in.Argv) == 0):
		return body, errors.New("set either commands or argv")
	case len(in.Argv) > 0:
		body.Commands = []errand.Command{{Argv: in.Argv}}
	}
	for _, c := range in.Commands {
		body.Commands = append(body.Commands, errand.Command{Shell: c})
	}
	for _, p := range in.Artifacts {
		body.Artifacts = append(body.Artifacts, errand.Artifact{Path: p, Optional: true})
	}
	if in.Timeout == "" {
		return body, nil
	}
	d, err := terminal.ParseDuration(in.Timeout)
	if err != nil {
		return body, fmt.Errorf("timeout %w", err)
	}
	body.TimeoutSeconds, err = parseSeconds("timeout", d, errand.MaxTimeoutSeconds)
	return body, err
}

// folder returns a folder below the root. Errors: it isn't there, or a symbolic link
// leads out.
func (s *mcpServer) folder(name string) (string, error) {
	name = cmp.Or(name, ".")
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", fmt.Errorf("the folder must be relative to the root and below it, got %q", name)
	}
	real, err := realDir(filepath.Join(s.root, filepath.FromSlash(name)))
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("there is no folder %q below the root", name)
		}
		return "", fmt.Errorf("folder %q: %w", name, err)
	}
	if rel, err := filepath.Rel(s.root, real); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("the folder %q leads out of the root", name)
	}
	return real, nil
}

type mcpJob struct {
	Job string `json:"job" jsonschema:"ID of the job, the beginning of it, @last, or @last-failed"`
}

type mcpFollow struct {
	mcpJob
	WaitSeconds int `json:"waitSeconds,omitempty" jsonschema:"how long to wait for the end; default 60, at most 600"`
}

func (s *mcpServer) follow(ctx context.Context, _ *mcp.CallToolRequest, in mcpFollow) (*mcp.CallToolResult, any, error) {
	wait, err := mcpWaitOf(in.WaitSeconds)
	if err != nil {
		return nil, nil, err
	}
	id, err := findJobID(ctx, s.client, in.Job)
	if err != nil {
		return nil, nil, err
	}
	result, err := s.await(ctx, id, wait)
	return result, nil, err
}

var errWaited = errors.New("waited long enough")

// await follows a job for some time, and returns how it stands.
func (s *mcpServer) await(ctx context.Context, id string, wait time.Duration) (*mcp.CallToolResult, error) {
	limited, stop := context.WithTimeoutCause(ctx, wait, errWaited)
	defer stop()
	var out clippedOutput
	job, err := followToEnd(limited, s.app.newFollower(s.client, id, 0, out.add))
	if errors.Is(err, errWaited) || limited.Err() != nil && ctx.Err() == nil {
		job, err = s.client.Job(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	return jobResult(&job, out.text()), nil
}

func (s *mcpServer) explain(ctx context.Context, _ *mcp.CallToolRequest, in mcpJob) (*mcp.CallToolResult, any, error) {
	id, err := findJobID(ctx, s.client, in.Job)
	if err != nil {
		return nil, nil, err
	}
	e, err := s.client.Explain(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return textResult(clip(terminal.ReplaceControls(e.Sentence), 4000)), nil, nil
}

type mcpList struct {
	Status string `json:"status,omitempty" jsonschema:"only jobs with this status: pending, running, completed, failed or cancelled"`
	Failed bool   `json:"failed,omitempty" jsonschema:"only jobs that failed, or have an exit code other than 0"`
	Limit  int    `json:"limit,omitempty" jsonschema:"how many; default 20, at most 100"`
}

func (s *mcpServer) list(ctx context.Context, _ *mcp.CallToolRequest, in mcpList) (*mcp.CallToolResult, any, error) {
	in.Limit = cmp.Or(in.Limit, 20)
	if in.Limit < 1 || in.Limit > 100 {
		return nil, nil, fmt.Errorf("limit must be 1 to 100, got %d", in.Limit)
	}
	f := jobsFlags{status: in.Status, limit: in.Limit, jobFilter: jobFilter{failed: in.Failed}}
	if err := f.check(); err != nil {
		return nil, nil, errors.New(strings.TrimPrefix(err.Error(), "--")) // it is a member here, not a flag
	}
	list, _, err := s.app.listJobs(ctx, s.client, f)
	if err != nil {
		return nil, nil, err
	}
	var b strings.Builder
	for i := range list.Jobs {
		j := &list.Jobs[i]
		fmt.Fprintf(&b, "%s  %s  queue %s  %s ago  %s\n", j.ID, outcome(j), j.Queue, terminal.FormatDuration(s.app.term.Now().Sub(j.CreatedAt)), what(j))
	}
	return textResult(cmp.Or(b.String(), "no jobs")), nil, nil
}

func (s *mcpServer) cancel(ctx context.Context, _ *mcp.CallToolRequest, in mcpJob) (*mcp.CallToolResult, any, error) {
	id, err := findJobID(ctx, s.client, in.Job)
	if err != nil {
		return nil, nil, err
	}
	job, err := s.client.Cancel(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if job.Status.Terminal() {
		return textResult(fmt.Sprintf("job %s is %s", id, outcome(&job))), nil, nil
	}
	return textResult(fmt.Sprintf("job %s will be cancelled by its worker; follow it to see its end", id)), nil, nil
}
