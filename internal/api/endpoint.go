package api

import (
	"net/http"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// Endpoint is one documented endpoint, which is one function in the cloud.
type Endpoint struct {
	Name   string // of the function, and of its folder below functions/
	Routes []Route
}

// Route is one method on one exact path.
type Route struct {
	Method string
	Path   string

	roles   []errand.Role // whose tokens it takes; none: it takes no token
	params  []string      // query parameters that there are
	maxBody int64         // bytes of JSON; 0: it has no body
	do      action
}

// action answers a request that came from someone who may make it.
type action func(*request) (response, error)

// Limits of request bodies.
const (
	MaxBodyBytes       = 1 << 20
	maxOpenBodyBytes   = 1 << 10   // of routes without a token
	MaxResultBodyBytes = 400 << 10 // of submit-result: a result of errand.MaxResultBytes and what is around it
)

// Who may use a route.
var (
	users   = []errand.Role{errand.RoleUser, errand.RoleAdmin}
	agents  = []errand.Role{errand.RoleAgent}
	workers = []errand.Role{errand.RoleWorker}
	admins  = []errand.Role{errand.RoleAdmin}
)

// Parameters of the lists.
var (
	jobListParams = []string{"status", "queue", "owner", "since", "until", "schedule", "limit", "cursor"}
	pageParams    = []string{"limit", "cursor"}
)

// The endpoints.
var (
	WorkersRegister = Endpoint{"workers-register", []Route{
		{Method: http.MethodPost, Path: "/api/workers/register", roles: agents, maxBody: MaxBodyBytes, do: register},
		{Method: http.MethodGet, Path: "/api/workers/register", roles: users, params: pageParams, do: listWorkers},
		{Method: http.MethodGet, Path: "/api/workers", roles: users, params: pageParams, do: listWorkers},
	}}
	WorkersHeartbeat = Endpoint{"workers-heartbeat", []Route{
		{Method: http.MethodPost, Path: "/api/workers/heartbeat", roles: workers, params: []string{"wait"}, maxBody: MaxBodyBytes, do: heartbeat},
	}}
	WorkersSync = Endpoint{"workers-sync", []Route{
		{Method: http.MethodPost, Path: "/api/workers/sync", roles: workers, params: []string{"wait"}, maxBody: MaxBodyBytes, do: syncWorker},
	}}
	JobsCreate = Endpoint{"jobs-create", []Route{
		{Method: http.MethodPost, Path: "/api/jobs/create", roles: users, maxBody: MaxBodyBytes, do: createJob},
		{Method: http.MethodGet, Path: "/api/jobs/create", roles: users, params: jobListParams, do: listJobs},
		{Method: http.MethodGet, Path: "/api/jobs", roles: users, params: jobListParams, do: listJobs},
	}}
	JobsGetJob = Endpoint{"jobs-get-job", []Route{
		{Method: http.MethodGet, Path: "/api/jobs/get-job", roles: workers, params: []string{"workerId", "epoch", "pollId", "wait"}, do: getJob},
	}}
	JobsStatus = Endpoint{"jobs-status", []Route{
		{Method: http.MethodGet, Path: "/api/jobs/status", roles: users, params: []string{"jobId"}, do: jobStatus},
	}}
	JobsExplain = Endpoint{"jobs-explain", []Route{
		{Method: http.MethodGet, Path: "/api/jobs/explain", roles: users, params: []string{"jobId", "wait", "state"}, do: explainJob},
	}}
	JobsSubmitResult = Endpoint{"jobs-submit-result", []Route{
		{Method: http.MethodPost, Path: "/api/jobs/submit-result", roles: workers, maxBody: MaxResultBodyBytes, do: submitResult},
		{Method: http.MethodPut, Path: "/api/jobs/submit-result", roles: workers, maxBody: MaxResultBodyBytes, do: submitFailure},
	}}
	JobsLogs = Endpoint{"jobs-logs", []Route{
		{Method: http.MethodGet, Path: "/api/jobs/logs", roles: users, params: []string{"jobId", "attempt", "offset", "tail", "chunk", "wait", "state", "downloads"}, do: readLogs},
	}}
	JobsArtifacts = Endpoint{"jobs-artifacts", []Route{
		{Method: http.MethodGet, Path: "/api/jobs/artifacts", roles: users, params: []string{"jobId", "attempt", "path", "limit", "cursor"}, do: listArtifacts},
		{Method: http.MethodPost, Path: "/api/jobs/artifacts", roles: workers, maxBody: MaxBodyBytes, do: signArtifacts},
		{Method: http.MethodGet, Path: "/api/jobs/source", roles: users, params: []string{"jobId"}, do: jobSource},
		{Method: http.MethodPost, Path: "/api/jobs/caches", roles: workers, maxBody: MaxBodyBytes, do: askCache},
	}}
	JobsCancel = Endpoint{"jobs-cancel", []Route{
		{Method: http.MethodPost, Path: "/api/jobs/cancel", roles: users, maxBody: MaxBodyBytes, do: cancelJob},
	}}
	Uploads = Endpoint{"uploads", []Route{
		{Method: http.MethodPost, Path: "/api/uploads", roles: users, maxBody: MaxBodyBytes, do: createUpload},
		{Method: http.MethodPost, Path: "/api/uploads/batch", roles: users, maxBody: MaxBodyBytes, do: createUploads},
	}}
	Queues = Endpoint{"queues", []Route{
		{Method: http.MethodPost, Path: "/api/queues", roles: admins, maxBody: MaxBodyBytes, do: createQueue},
		{Method: http.MethodGet, Path: "/api/queues", roles: users, do: listQueues},
		{Method: http.MethodDelete, Path: "/api/queues", roles: admins, params: []string{"name", "cancelJobs"}, do: deleteQueue},
		{Method: http.MethodPost, Path: "/api/queues/pause", roles: admins, maxBody: MaxBodyBytes, do: pauseQueue},
		{Method: http.MethodPost, Path: "/api/queues/resume", roles: admins, maxBody: MaxBodyBytes, do: resumeQueue},
	}}
	Schedules = Endpoint{"schedules", []Route{
		{Method: http.MethodPost, Path: "/api/schedules", roles: users, maxBody: MaxBodyBytes, do: createSchedule},
		{Method: http.MethodGet, Path: "/api/schedules", roles: users, params: pageParams, do: listSchedules},
		{Method: http.MethodDelete, Path: "/api/schedules", roles: users, params: []string{"name"}, do: deleteSchedule},
		{Method: http.MethodGet, Path: "/api/schedules/status", roles: users, params: []string{"name"}, do: scheduleStatus},
		{Method: http.MethodPost, Path: "/api/schedules/pause", roles: users, maxBody: MaxBodyBytes, do: pauseSchedule},
		{Method: http.MethodPost, Path: "/api/schedules/resume", roles: users, maxBody: MaxBodyBytes, do: resumeSchedule},
		{Method: http.MethodPost, Path: "/api/schedules/run", roles: users, maxBody: MaxBodyBytes, do: runSchedule},
	}}
	WorkersManage = Endpoint{"workers-manage", []Route{
		{Method: http.MethodPost, Path: "/api/workers/pause", roles: admins, maxBody: MaxBodyBytes, do: manageWorker(control.PauseWorker)},
		{Method: http.MethodPost, Path: "/api/workers/resume", roles: admins, maxBody: MaxBodyBytes, do: manageWorker(control.ResumeWorker)},
		{Method: http.MethodPost, Path: "/api/workers/drain", roles: admins, maxBody: MaxBodyBytes, do: manageWorker(control.DrainWorker)},
		{Method: http.MethodPost, Path: "/api/workers/forget", roles: admins, maxBody: MaxBodyBytes, do: manageWorker(control.ForgetWorker)},
	}}
	SessionEndpoint = Endpoint{"session", []Route{
		{Method: http.MethodPost, Path: "/api/session", maxBody: maxOpenBodyBytes, do: startSession},
		{Method: http.MethodGet, Path: "/api/session", roles: users, do: showSession},
		{Method: http.MethodDelete, Path: "/api/session", roles: users, do: endSession},
		{Method: http.MethodPost, Path: "/api/session/code", roles: users, do: newSessionCode},
		{Method: http.MethodGet, Path: "/api/tokens", roles: users, do: listTokens},
		{Method: http.MethodDelete, Path: "/api/tokens", roles: users, params: []string{"id"}, do: revokeSession},
	}}
	ExecuteNow = Endpoint{"execute", []Route{
		{Method: http.MethodPost, Path: "/api/execute", roles: users, maxBody: MaxBodyBytes, do: execute},
	}}
)

// isOpen reports whether the route takes no token: what it is for is in the body.
func (r *Route) isOpen() bool { return len(r.roles) == 0 }

// Endpoints are all endpoints.
func Endpoints() []Endpoint {
	return []Endpoint{
		WorkersRegister, WorkersHeartbeat, WorkersSync, JobsCreate, JobsGetJob, JobsStatus, JobsExplain,
		JobsSubmitResult, JobsLogs, JobsArtifacts, JobsCancel, Uploads, Queues, Schedules, WorkersManage, SessionEndpoint, ExecuteNow,
	}
}
