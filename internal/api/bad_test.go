package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/test/apistack"
)

// bad is a request that is to be refused. $W, $E and $J in it are a worker's
// ID, its epoch and a running job's ID.
type bad struct {
	name, route, body string
	code              errand.Code
	field             string
}

const (
	invalidField = errand.CodeInvalidField
	zeros        = "0000000000000000000000000000000000000000000000000000000000000000"
)

func job(members string) string { return `{"commands":["true"],` + members + `}` }

// many is n of s between brackets.
func many(n int, s string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(s+",", n), ",") + "]"
}

func long(n int) string { return `"` + strings.Repeat("a", n) + `"` }

func env(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"A%d":"",`, i)
	}
	return "{" + strings.TrimSuffix(b.String(), ",") + "}"
}

var badJobs = []bad{
	{"no commands", "", `{"commands":[]}`, invalidField, "commands"},
	{"too many commands", "", `{"commands":` + many(1001, `"a"`) + `}`, invalidField, "commands"},
	{"an empty command", "", `{"commands":["a"," "]}`, invalidField, "commands[1]"},
	{"a long command", "", `{"commands":[` + long(8193) + `]}`, invalidField, "commands[0]"},
	{"NUL in a command", "", `{"commands":["a\u0000"]}`, invalidField, "commands[0]"},
	{"no argv", "", `{"commands":[{"argv":[]}]}`, invalidField, "commands[0].argv"},
	{"long argv", "", `{"commands":[{"argv":` + many(1001, `"a"`) + `}]}`, invalidField, "commands[0].argv"},
	{"an empty program", "", `{"commands":[{"argv":["","a"]}]}`, invalidField, "commands[0].argv[0]"},
	{"32 KiB in all", "", `{"commands":[` + long(8192) + "," + long(8192) + "," + long(8192) + "," + long(8192) + `]}`, invalidField, "commands"},
	{"a long name", "", job(`"name":` + long(101)), invalidField, "name"},
	{"a name of two lines", "", job(`"name":"a\nb"`), invalidField, "name"},
	{"a long shell", "", job(`"shell":` + long(1001)), invalidField, "shell"},
	{"a bad variable", "", job(`"env":{"A-B":"1"}`), invalidField, "env"},
	{"a reserved variable", "", job(`"env":{"ERRAND_X":"1"}`), invalidField, "env.ERRAND_X"},
	{"a long variable", "", job(`"env":{"A":` + long(8193) + `}`), invalidField, "env.A"},
	{"101 variables", "", job(`"env":` + env(101)), invalidField, "env"},
	{"a bad queue", "", job(`"queue":"Default"`), invalidField, "queue"},
	{"a queue that isn't", "", job(`"queue":"none"`), invalidField, "queue"},
	{"a group with a space", "", job(`"group":"a b"`), invalidField, "group"},
	{"a time that is none", "", job(`"notBefore":"noon"`), invalidField, "notBefore"},
	{"after what isn't an ID", "", job(`"after":[{"jobId":"x"}]`), invalidField, "after[0].jobId"},
	{"after an unknown job", "", job(`"after":[{"jobId":"01ARZ3NDEKTSV4RRFFQ69G5FAV"}]`), errand.CodeJobNotFound, "after[0].jobId"},
	{"after no such end", "", job(`"after":[{"jobId":"01ARZ3NDEKTSV4RRFFQ69G5FAV","on":"end"}]`), invalidField, "after[0].on"},
	{"a long group", "", job(`"group":` + long(129)), invalidField, "group"},
	{"a negative timeout", "", job(`"timeout":-1`), invalidField, "timeout"},
	{"a short hash", "", job(`"source":{"sha256":"00"}`), invalidField, "source.sha256"},
	{"a long filename", "", job(`"source":{"sha256":"` + zeros + `","filename":` + long(256) + `}`), invalidField, "source.filename"},
	{"a source that wasn't sent", "", job(`"source":{"sha256":"` + zeros + `"}`), errand.CodeSourceNotFound, "source.sha256"},
	{"an unknown member", "", job(`"retries":1`), invalidField, "retries"},
}

var badDistributed = []bad{
	{"11 attempts", "", job(`"maxAttempts":11`), invalidField, "maxAttempts"},
	{"a terminal of 1001 columns", "", job(`"terminal":{"columns":1001}`), invalidField, "terminal.columns"},
	{"a terminal of -1 rows", "", job(`"terminal":{"rows":-1}`), invalidField, "terminal.rows"},
	{"a terminal with a colour", "", job(`"terminal":{"color":true}`), invalidField, "terminal.color"},
	{"a timeout of 15 days", "", job(`"timeout":1296000`), invalidField, "timeout"},
	{"a lease of less than two heartbeats", "", job(`"lease":19`), invalidField, "lease"},
	{"a negative lease", "", job(`"lease":-1`), invalidField, "lease"},
	{"a lease of 2 hours", "", job(`"lease":7200`), invalidField, "lease"},
}

const (
	resultHead = `{"workerId":"$W","epoch":$E,"jobId":"$J","attempt":1,"result":{"exitCode":0,"durationMs":1,`
	noLog      = `"log":{"bytes":0,"sha256":"","tailOffset":0}`
)

var bads = []bad{
	{"a field that isn't", "POST /api/workers/register", `{"host":"a"}`, invalidField, "host"},
	{"an ID with a space", "POST /api/workers/register", `{"workerId":"a b","token":"b"}`, invalidField, "workerId"},
	{"a long ID", "POST /api/workers/register", `{"workerId":` + long(65) + `,"token":"b"}`, invalidField, "workerId"},
	{"an ID without a token", "POST /api/workers/register", `{"workerId":"abcdefgh"}`, invalidField, "token"},
	{"another ID's token", "POST /api/workers/register", `{"workerId":"abcdefgh","token":"erw_hgfedcba.` + zeros + `"}`, invalidField, "token"},
	{"a short secret", "POST /api/workers/register", `{"workerId":"abcdefgh","token":"erw_abcdefgh.0"}`, invalidField, "token"},
	{"a known ID, another token", "POST /api/workers/register", `{"workerId":"$W","token":"erw_$W.` + zeros + `"}`, errand.CodeForbidden, "token"},
	{"a worker that is online", "POST /api/workers/register", `{"workerId":"$W","token":"erw_$W.` + zeros + `","replace":true}`, errand.CodeConflict, "workerId"},
	{"a long name", "POST /api/workers/register", `{"name":` + long(101) + `}`, invalidField, "name"},
	{"a long system", "POST /api/workers/register", `{"os":` + long(65) + `}`, invalidField, "os"},
	{"a long architecture", "POST /api/workers/register", `{"arch":` + long(65) + `}`, invalidField, "arch"},
	{"a long version", "POST /api/workers/register", `{"version":` + long(65) + `}`, invalidField, "version"},
	{"257 slots", "POST /api/workers/register", `{"slots":257}`, invalidField, "slots"},
	{"-1 slots", "POST /api/workers/register", `{"slots":-1}`, invalidField, "slots"},
	{"a queue that isn't", "POST /api/workers/register", `{"queues":["default","none"]}`, invalidField, "queues[1]"},

	{"no limit", "GET /api/workers?limit=0", "", invalidField, "limit"},
	{"too much", "GET /api/workers?limit=201", "", invalidField, "limit"},
	{"not a number", "GET /api/workers/register?limit=ten", "", invalidField, "limit"},
	{"unknown", "GET /api/workers?page=2", "", invalidField, "page"},
	{"twice", "GET /api/workers?cursor=a&cursor=a", "", invalidField, "cursor"},
	{"a long cursor", "GET /api/workers?cursor=" + strings.Repeat("a", 3000), "", invalidField, "cursor"},

	{"nothing", "POST /api/workers/heartbeat", `{}`, invalidField, "epoch"},
	{"another worker", "POST /api/workers/heartbeat", `{"workerId":"somebody-else","epoch":1,"holds":[]}`, errand.CodeWorkerNotFound, "workerId"},
	{"epoch 0", "POST /api/workers/heartbeat", `{"workerId":"$W","epoch":0,"holds":[]}`, invalidField, "epoch"},
	{"an epoch to come", "POST /api/workers/heartbeat", `{"workerId":"$W","epoch":9,"holds":[]}`, invalidField, "epoch"},
	{"a hold without attempt", "POST /api/workers/heartbeat", `{"workerId":"$W","epoch":$E,"holds":[{"jobId":"$J"}]}`, invalidField, "holds[0].attempt"},
	{"257 holds", "POST /api/workers/heartbeat", `{"workerId":"$W","epoch":$E,"holds":` + many(257, `{"jobId":"","attempt":1}`) + `}`, invalidField, "holds"},

	{"an empty key", "POST /api/jobs/create (Idempotency-Key: )", job(`"name":"a"`), invalidField, "Idempotency-Key"},
	{"a key with a space", "POST /api/jobs/create (Idempotency-Key: a b)", job(`"name":"a"`), invalidField, "Idempotency-Key"},
	{"a long key", "POST /api/jobs/create (Idempotency-Key: " + strings.Repeat("k", 256) + ")", job(`"name":"a"`), invalidField, "Idempotency-Key"},
	{"a parameter", "POST /api/jobs/create?dry=1", job(`"name":"a"`), invalidField, "dry"},

	{"a status that isn't", "GET /api/jobs?status=done", "", invalidField, "status"},
	{"a queue that isn't", "GET /api/jobs/create?queue=none", "", invalidField, "queue"},
	{"too much", "GET /api/jobs?limit=201", "", invalidField, "limit"},
	{"a signed number", "GET /api/jobs?limit=%2B1", "", invalidField, "limit"},
	{"another owner", "GET /api/jobs?owner=somebody-else", "", invalidField, "owner"},
	{"an owner that isn't", "GET /api/jobs?owner=%20", "", invalidField, "owner"},
	{"a day", "GET /api/jobs?since=2026-01-31", "", invalidField, "since"},
	{"no time", "GET /api/jobs?until=yesterday", "", invalidField, "until"},
	{"half an escape", "GET /api/jobs?cursor=%4", "", invalidField, "cursor"},
	{"half an escape in a name", "GET /api/jobs?%4=1", "", invalidField, "query"},
	{"not UTF-8", "GET /api/jobs?cursor=%ff", "", invalidField, "cursor"},
	{"a semicolon", "GET /api/jobs?queue=default;limit=1", "", invalidField, "queue"},
	{"another case", "GET /api/jobs?Limit=1", "", invalidField, "Limit"},

	{"no worker", "GET /api/jobs/get-job?epoch=$E&pollId=p", "", invalidField, "workerId"},
	{"no poll", "GET /api/jobs/get-job?workerId=$W&epoch=$E", "", invalidField, "pollId"},
	{"a bad poll", "GET /api/jobs/get-job?workerId=$W&epoch=$E&pollId=a.b", "", invalidField, "pollId"},
	{"a long poll ID", "GET /api/jobs/get-job?workerId=$W&epoch=$E&pollId=" + strings.Repeat("p", 101), "", invalidField, "pollId"},
	{"no epoch", "GET /api/jobs/get-job?workerId=$W&pollId=p", "", invalidField, "epoch"},
	{"waits long", "GET /api/jobs/get-job?workerId=$W&epoch=$E&pollId=p&wait=21", "", invalidField, "wait"},
	{"waits less than nothing", "GET /api/jobs/get-job?workerId=$W&epoch=$E&pollId=p&wait=-1", "", invalidField, "wait"},
	{"another worker", "GET /api/jobs/get-job?workerId=somebody-else&epoch=1&pollId=p", "", errand.CodeWorkerNotFound, "workerId"},

	{"no job", "GET /api/jobs/status", "", invalidField, "jobId"},
	{"no such job", "GET /api/jobs/status?jobId=01ARZ3NDEKTSV4RRFFQ69G5FAV", "", errand.CodeJobNotFound, ""},
	{"no ID", "GET /api/jobs/status?jobId=..%2Fx", "", errand.CodeJobNotFound, ""},
	{"no job to explain", "GET /api/jobs/explain", "", invalidField, "jobId"},
	{"no such job to explain", "GET /api/jobs/explain?jobId=01ARZ3NDEKTSV4RRFFQ69G5FAV", "", errand.CodeJobNotFound, ""},
	{"explained for too long", "GET /api/jobs/explain?jobId=01ARZ3NDEKTSV4RRFFQ69G5FAV&wait=21", "", invalidField, "wait"},

	{"no job", "GET /api/jobs/logs?offset=0", "", invalidField, "jobId"},
	{"no such job", "GET /api/jobs/logs?jobId=x", "", errand.CodeJobNotFound, ""},
	{"a negative offset", "GET /api/jobs/logs?jobId=$J&offset=-1", "", invalidField, "offset"},
	{"an offset beyond numbers", "GET /api/jobs/logs?jobId=$J&offset=9223372036854775808", "", invalidField, "offset"},
	{"an attempt to come", "GET /api/jobs/logs?jobId=$J&attempt=2", "", invalidField, "attempt"},
	{"waits long", "GET /api/jobs/logs?jobId=$J&wait=21", "", invalidField, "wait"},

	{"no job", "POST /api/jobs/cancel", `{}`, invalidField, "jobId"},
	{"no such job", "POST /api/jobs/cancel", `{"jobId":"x"}`, errand.CodeJobNotFound, ""},

	{"no filename", "POST /api/uploads", `{"size":1,"sha256":"` + zeros + `"}`, invalidField, "filename"},
	{"a long filename", "POST /api/uploads", `{"size":1,"sha256":"` + zeros + `","filename":` + long(256) + `}`, invalidField, "filename"},
	{"an upper-case hash", "POST /api/uploads", `{"size":1,"sha256":"` + strings.Repeat("A", 64) + `","filename":""}`, invalidField, "sha256"},
	{"no bytes", "POST /api/uploads", `{"size":0,"sha256":"` + zeros + `","filename":""}`, invalidField, "size"},
	{"too many bytes", "POST /api/uploads", `{"size":5368709121,"sha256":"` + zeros + `","filename":""}`, errand.CodePayloadTooLarge, "size"},

	{"no uploads", "POST /api/uploads/batch", `{"uploads":[]}`, invalidField, "uploads"},
	{"too many uploads", "POST /api/uploads/batch", `{"uploads":[` + strings.Repeat(`{"size":1,"sha256":"`+zeros+`","filename":""},`, 128) + `{"size":1,"sha256":"` + zeros + `","filename":""}]}`, invalidField, "uploads"},
	{"no bytes in one", "POST /api/uploads/batch", `{"uploads":[{"size":1,"sha256":"` + zeros + `","filename":""},{"size":0,"sha256":"` + zeros + `","filename":""}]}`, invalidField, "uploads[1].size"},
	{"too many bytes in one", "POST /api/uploads/batch", `{"uploads":[{"size":5368709121,"sha256":"` + zeros + `","filename":""}]}`, errand.CodePayloadTooLarge, "uploads[0].size"},

	{"no such format", "POST /api/jobs/create", `{"commands":["true"],"source":{"sha256":"` + zeros + `","format":"tar"}}`, invalidField, "source.format"},
	{"packs of a ZIP", "POST /api/jobs/create", `{"commands":["true"],"source":{"sha256":"` + zeros + `","packs":["` + zeros + `"]}}`, invalidField, "source.packs"},
	{"a pack's path", "POST /api/jobs/create", `{"commands":["true"],"source":{"sha256":"` + zeros + `","format":"manifest","packs":["../bob/` + zeros + `"]}}`, invalidField, "source.packs[0]"},
	{"too many packs", "POST /api/jobs/create", `{"commands":["true"],"source":{"sha256":"` + zeros + `","format":"manifest","packs":[` + strings.Repeat(`"`+zeros+`",`, 128) + `"` + zeros + `"]}}`, invalidField, "source.packs"},
	{"less than no bytes", "POST /api/jobs/create", `{"commands":["true"],"source":{"sha256":"` + zeros + `","format":"manifest","unpackedBytes":-1}}`, invalidField, "source.unpackedBytes"},
	{"packs that aren't there", "POST /api/jobs/create", `{"commands":["true"],"source":{"sha256":"` + zeros + `","format":"manifest"}}`, errand.CodeSourceNotFound, "source.sha256"},

	{"no such mode", "POST /api/execute", `{"mode":"later","commands":["true"]}`, invalidField, "mode"},
	{"no mode", "POST /api/execute", `{"commands":["true"]}`, invalidField, "mode"},
	{"a terminal", "POST /api/execute", `{"mode":"direct","commands":["true"],"terminal":{}}`, invalidField, "terminal"},
	{"26 s", "POST /api/execute", `{"mode":"direct","commands":["true"],"timeout":26}`, invalidField, "timeout"},
	{"after in direct mode", "POST /api/execute", `{"mode":"direct","commands":["true"],"after":[{"jobId":"x"}]}`, invalidField, "after"},
	{"a time in direct mode", "POST /api/execute", `{"mode":"direct","commands":["true"],"notBefore":"2026-01-01T00:00:00Z"}`, invalidField, "notBefore"},
	{"a group in direct mode", "POST /api/execute", `{"mode":"direct","commands":["true"],"group":"a"}`, invalidField, "group"},
	{"attempts in direct mode", "POST /api/execute", `{"mode":"direct","commands":["true"],"maxAttempts":2}`, invalidField, "maxAttempts"},
	{"a lease in direct mode", "POST /api/execute", `{"mode":"direct","commands":["true"],"lease":60}`, invalidField, "lease"},

	{"another worker", "POST /api/jobs/submit-result", strings.Replace(resultHead, "$W", "somebody-else", 1) + noLog + `,"commands":[]}}`, errand.CodeWorkerNotFound, "workerId"},
	{"another attempt", "POST /api/jobs/submit-result", strings.Replace(resultHead, `attempt":1`, `attempt":2`, 1) + noLog + `,"commands":[]}}`, errand.CodeStaleAttempt, ""},
	{"no such job", "POST /api/jobs/submit-result", strings.Replace(resultHead, "$J", "x", 1) + noLog + `,"commands":[]}}`, errand.CodeJobNotFound, ""},
	{"a hash that isn't", "POST /api/jobs/submit-result", resultHead + `"log":{"bytes":0,"sha256":"x","tailOffset":0},"commands":[]}}`, invalidField, "result.log.sha256"},
	{"a tail that isn't frames", "POST /api/jobs/submit-result", resultHead + `"log":{"bytes":1,"sha256":"","tail":"YQ==","tailOffset":0},"commands":[]}}`, invalidField, "result.log.tail"},
	{"a log longer than its tail", "POST /api/jobs/submit-result", resultHead + `"log":{"bytes":9,"sha256":"","tailOffset":0},"commands":[]}}`, invalidField, "result.log.tail"},
	{"a result of 256 KiB", "POST /api/jobs/submit-result", resultHead + noLog + `,"signal":` + long(256<<10) + `,"commands":[]}}`, errand.CodePayloadTooLarge, "result"},
	{"a body of 400 KiB", "POST /api/jobs/submit-result", resultHead + noLog + `,"signal":` + long(400<<10) + `,"commands":[]}}`, errand.CodePayloadTooLarge, ""},

	{"another worker", "PUT /api/jobs/submit-result", `{"workerId":"somebody-else","epoch":1,"jobId":"$J","attempt":1,"reason":"timed_out","error":""}`, errand.CodeWorkerNotFound, "workerId"},
	{"no such reason", "PUT /api/jobs/submit-result", `{"workerId":"$W","epoch":$E,"jobId":"$J","attempt":1,"reason":"tired","error":""}`, invalidField, "reason"},
	{"a reason of the server's", "PUT /api/jobs/submit-result", `{"workerId":"$W","epoch":$E,"jobId":"$J","attempt":1,"reason":"expired","error":""}`, invalidField, "reason"},
	{"a long error", "PUT /api/jobs/submit-result", `{"workerId":"$W","epoch":$E,"jobId":"$J","attempt":1,"reason":"timed_out","error":` + long(2049) + `}`, invalidField, "error"},
	{"another attempt", "PUT /api/jobs/submit-result", `{"workerId":"$W","epoch":$E,"jobId":"$J","attempt":7,"reason":"timed_out","error":""}`, errand.CodeStaleAttempt, ""},
}

func TestBadRequests(t *testing.T) {
	s := apistack.New(t)
	s.Service.Direct = &direct{}
	w := s.Worker(t)
	running := create(t, s, hello)
	take(t, w, "poll-1")
	fill := strings.NewReplacer("$W", w.WorkerID, "$E", itoa(w.Epoch), "$J", running.ID)
	for _, b := range allBads() {
		t.Run(b.route+" "+b.name, func(t *testing.T) {
			route, header, _ := strings.Cut(fill.Replace(b.route), " (")
			method, path, _ := strings.Cut(route, " ")
			var headers []string
			if name, value, ok := strings.Cut(strings.TrimSuffix(header, ")"), ": "); ok {
				headers = []string{name, value}
			}
			got := send(t, s, tokenFor(s, w, method, path), method, path, fill.Replace(b.body), headers...)
			got.want(t, b.code, b.field)
			if strings.Contains(got.problem.Detail, `["`) {
				t.Errorf("the detail has Go's form of a list: %s", got.problem.Detail)
			}
		})
	}
	seen, err := s.Client(s.User).Job(t.Context(), running.ID)
	if err != nil || seen.Status != errand.Running {
		t.Errorf("bad requests changed the job: %+v, %v", seen, err)
	}
}

// allBads adds the jobs that are bad to the routes that take one.
func allBads() []bad {
	all := slices.Clone(bads)
	for _, b := range append(badJobs, badDistributed...) {
		b.route = "POST /api/jobs/create"
		all = append(all, b)
		b.route, b.body = "POST /api/execute", strings.Replace(b.body, "{", `{"mode":"distributed",`, 1)
		all = append(all, b)
	}
	for _, b := range badJobs {
		b.route, b.body = "POST /api/execute", strings.Replace(b.body, "{", `{"mode":"direct",`, 1)
		if b.field != "group" && !strings.HasPrefix(b.field, "after") {
			all = append(all, b)
		}
	}
	return all
}

// tokenFor is a token that the route takes.
func tokenFor(s *apistack.Stack, w *apistack.Worker, method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	switch {
	case method == "POST" && path == "/api/workers/register":
		return s.Agent
	case path == "/api/workers/heartbeat" || path == "/api/workers/sync" || path == "/api/jobs/get-job" || path == "/api/jobs/submit-result":
		return w.Token
	}
	return s.User
}

// TestBadBodies: what is wrong with a body before it is read as one.
func TestBadBodies(t *testing.T) {
	s := apistack.New(t)
	const good = `{"commands":["true"]}`
	for name, tc := range map[string]struct {
		body    string
		headers []string
		status  int
		code    errand.Code
	}{
		"no type":         {good, []string{"Content-Type", ""}, 415, errand.CodeUnsupportedMedia},
		"a form":          {good, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, errand.CodeUnsupportedMedia},
		"text":            {good, []string{"Content-Type", "text/plain"}, 415, errand.CodeUnsupportedMedia},
		"not a type":      {good, []string{"Content-Type", "application/json;"}, 201, ""},
		"Latin-1":         {good, []string{"Content-Type", "application/json; charset=iso-8859-1"}, 415, errand.CodeUnsupportedMedia},
		"UTF-8":           {good, []string{"Content-Type", "application/json; charset=UTF-8"}, 201, ""},
		"compressed":      {good, []string{"Content-Encoding", "gzip"}, 415, errand.CodeUnsupportedMedia},
		"empty":           {"", []string{"Content-Type", "application/json"}, 400, errand.CodeMalformed},
		"more than 1 MiB": {`{"commands":[` + long(1<<20) + `]}`, nil, 413, errand.CodePayloadTooLarge},
		"an array":        {"[]", nil, 400, errand.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			got := send(t, s, s.User, "POST", "/api/jobs/create", tc.body, tc.headers...)
			if got.StatusCode != tc.status || got.problem.Code != tc.code {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
		})
	}
}

// TestEndlessBody: a body of unknown length is read no further than its limit.
func TestEndlessBody(t *testing.T) {
	s := apistack.New(t)
	body := &spaces{}
	r := httptest.NewRequest("POST", "/api/jobs/create", body)
	r.Header.Set("Authorization", "Bearer "+s.User)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	api.NewHandler(s.Service, api.Options{}).ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge || body.read > 2*api.MaxBodyBytes {
		t.Errorf("%d after %d bytes", w.Code, body.read)
	}
}

// spaces is an endless reader that counts.
type spaces struct{ read int }

func (s *spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	s.read += len(p)
	return len(p), nil
}
