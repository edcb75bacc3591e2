//go:build unix

package agent_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent"
	"github.com/errandhq/errand/internal/api"
)

// cacheServer is what a server has of caches: the packs of each key and owner, the root
// last.
type cacheServer struct {
	*server
	mu     sync.Mutex
	caches map[string][]errand.Content // by owner and key
	asked  []errand.CacheQuestion
	gets   int // of packs
	puts   int
	broken int               // the status that questions are answered with; 0: none
	owners map[string]string // of jobs
}

func newCacheServer(t *testing.T) *cacheServer {
	s := &cacheServer{server: newServer(t), caches: map[string][]errand.Content{}, owners: map[string]string{}}
	s.before = s.serve
	return s
}

func (s *cacheServer) serve(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path == "/api/jobs/caches" && s.broken > 0:
		http.Error(w, "broken", s.broken)
	case r.URL.Path == "/api/jobs/caches":
		var in api.AskCache
		s.read(r, s.workerToken(), &in)
		if err := in.Validate(); err != nil {
			s.t.Errorf("question %+v: %v", in, err)
		}
		s.asked = append(s.asked, in.CacheQuestion)
		answer(w, s.ask(s.owners[in.JobID], in.CacheQuestion))
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/contents/"):
		s.gets++
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		_, _ = w.Write(s.artifacts.contents[filepath.Base(r.URL.Path)])
	case r.Method == http.MethodPut:
		s.puts++
		return false
	default:
		return false
	}
	return true
}

// ask answers as the real server does.
func (s *cacheServer) ask(owner string, q errand.CacheQuestion) (a errand.CacheAnswer) {
	all, ok := s.caches[owner+"/"+q.Key]
	if len(q.Uploads) > 0 {
		if ok {
			return errand.CacheAnswer{Found: &errand.CacheGrant{Key: q.Key}}
		}
		s.caches[owner+"/"+q.Key] = q.Uploads
		for _, u := range q.Uploads {
			a.Puts = append(a.Puts, errand.SignedRequest{Method: http.MethodPut, URL: s.URL + "/contents/" + u.SHA256})
		}
		return a
	}
	key := q.Key
	for k, packs := range s.caches {
		for _, p := range q.Prefixes {
			if !ok && strings.HasPrefix(k, owner+"/"+p) {
				all, ok, key = packs, true, strings.TrimPrefix(k, owner+"/")
			}
		}
	}
	if !ok {
		return a
	}
	src := &errand.SourceGrant{Owner: owner, Source: errand.Source{Format: errand.FormatManifest}}
	for i, u := range all {
		get := errand.SignedRequest{Method: http.MethodGet, URL: s.URL + "/contents/" + u.SHA256}
		if i == len(all)-1 {
			src.SHA256, src.Download = u.SHA256, get
			continue
		}
		src.Packs, src.Downloads = append(src.Packs, u.SHA256), append(src.Downloads, get)
	}
	return errand.CacheAnswer{Found: &errand.CacheGrant{Key: key, Source: src}}
}

// cacheJob is job n, with a cache of out and ~/tool for the content of lock.
func (s *cacheServer) cacheJob(n int, owner, lock string, lines ...string) *errand.Assignment {
	a := s.job(lines...)
	a.JobID = fmt.Sprintf("%s%02d", jobID[:24], n)
	a.Write = s.grant(a.JobID, 1)
	a.Owner = owner
	a.Cache = []errand.Cache{{Key: `k-{{ checksum "lock" }}`, Paths: []string{"out", "~/tool"}, Prefixes: []string{"k-"}}}
	s.source(a, map[string]string{"lock": lock})
	s.server.mu.Lock() // a name of its own for each content
	s.sources[lock] = s.sources["source.zip"]
	s.server.mu.Unlock()
	s.mu.Lock()
	s.owners[a.JobID] = owner
	s.mu.Unlock()
	return a
}

// ran gives a job and returns its log.
func (s *cacheServer) ran(a *errand.Assignment) string {
	s.t.Helper()
	n := 0
	s.set(func() { n = len(s.results) })
	s.give(a)
	s.await("the result of "+a.JobID, func() bool { return len(s.results) > n })
	res := s.results[n]
	if res.JobID != a.JobID {
		s.t.Fatalf("the result of %s", res.JobID)
	}
	log, _ := s.log(a.JobID, 1, res.Result.Log)
	return fmt.Sprint(string(log), "exit ", res.Result.ExitCode)
}

func jobHome(c *agent.Config) { c.Environment.JobHome = true }

func wantLog(t *testing.T, log string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(log, line) {
			t.Errorf("the log lacks %q:\n%s", line, log)
		}
	}
}

// TestJobCache: a job finds what an earlier one left, from the worker or, on another, from
// the bucket. A cache under its key never changes, and a failed job saves none.
func TestJobCache(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	s.run(func(c *agent.Config) { jobHome(c); c.Name = "first" })
	make := `test ! -e out && mkdir out ~/tool && echo "made by $ERRAND_JOB_ID" > out/a && echo tool > ~/tool/x`
	wantLog(t, s.ran(s.cacheJob(1, "ann", "1", make, "exit 3")), "exit 3", "there is none yet")
	wantLog(t, s.ran(s.cacheJob(2, "ann", "1", make)), "exit 0", "there is none yet", "saving 40 bytes in 2 files")
	if s.gets != 0 || s.puts != 1 {
		t.Errorf("%d GETs, %d PUTs", s.gets, s.puts)
	}
	wantLog(t, s.ran(s.cacheJob(3, "ann", "1", "cat out/a ~/tool/x; echo changed > out/a")), "made by "+jobID[:24]+"02", "tool\n", "restored 40 bytes in 2 files", "exit 0")
	wantLog(t, s.ran(s.cacheJob(4, "ann", "2", "cat out/a; echo more > out/b")), "made by "+jobID[:24]+"02", " from k-", "saving", "exit 0")
	if s.gets != 0 {
		t.Errorf("%d packs were downloaded that the worker has", s.gets)
	}
	wantLog(t, s.ran(s.cacheJob(5, "bob", "1", "test ! -e out")), "there is none yet", "nothing to save", "exit 0")
	if len(s.caches) != 2 || len(s.asked) != 7 {
		t.Errorf("%d caches, %d questions", len(s.caches), len(s.asked))
	}

	other := newCacheServer(t)
	other.caches, other.artifacts.contents = s.caches, s.artifacts.contents
	other.run(jobHome)
	wantLog(t, other.ran(other.cacheJob(1, "ann", "2", "cat out/a out/b ~/tool/x")), "made by "+jobID[:24]+"02", "more\n", "exit 0")
	if other.gets != 1 {
		t.Errorf("%d GETs on another worker, want 1", other.gets)
	}
}

// TestRewrittenJobCache: jobs run as the user that owns the worker's packs. Whatever they
// make of them, no job gets it, and none fails.
func TestRewrittenJobCache(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	dir := t.TempDir()
	s.run(func(c *agent.Config) { jobHome(c); c.DataDir = dir })
	s.ran(s.cacheJob(1, "ann", "1", "mkdir out; echo true content > out/a"))
	packs, err := filepath.Glob(filepath.Join(dir, "cache", "packs", "ann", "*"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("packs %v, %v", packs, err)
	}
	for i, rewrite := range []func(path string) error{
		func(path string) error { return os.WriteFile(path, []byte("evil"), 0o600) },
		func(path string) error { return os.Truncate(path, 10) },
		os.Remove,
		func(path string) error { return os.Symlink("/etc/passwd", path+".x") },
	} {
		if err := rewrite(packs[0]); err != nil {
			t.Fatal(err)
		}
		wantLog(t, s.ran(s.cacheJob(2+i, "ann", "1", "cat out/a")), "true content", "exit 0")
	}
	if s.gets != 3 {
		t.Errorf("%d GETs, want one for each pack that was changed", s.gets)
	}
	// Bob's job finds what ann has under the same key, if the server gives it away by
	// mistake, only by downloading it.
	s.mu.Lock()
	s.caches["bob/k-"+sumOf([]byte("1"))] = []errand.Content{{SHA256: filepath.Base(packs[0]), Size: 1}}
	s.mu.Unlock()
	s.server.mu.Lock()
	delete(s.artifacts.contents, filepath.Base(packs[0]))
	s.server.mu.Unlock()
	wantLog(t, s.ran(s.cacheJob(9, "bob", "1", "test ! -e out")), "not restored", "exit 0")
}

// TestBrokenJobCache: a job runs without its caches if anything is wrong with them.
func TestBrokenJobCache(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	s.run(jobHome)
	for i, status := range []int{http.StatusNotFound, http.StatusInternalServerError, http.StatusBadRequest} {
		s.mu.Lock()
		s.broken = status
		s.mu.Unlock()
		wantLog(t, s.ran(s.cacheJob(i, "ann", "1", "mkdir out")), "not restored", "exit 0")
	}
	s.mu.Lock()
	s.broken = 0
	s.caches["ann/k-"+sumOf([]byte("1"))] = []errand.Content{{SHA256: strings.Repeat("0", 64), Size: 1}}
	s.mu.Unlock()
	wantLog(t, s.ran(s.cacheJob(4, "ann", "1", "mkdir out")), "not restored", "exit 0")
	a := s.cacheJob(5, "ann", "1", "mkdir out; echo kept > out/a")
	a.Cache[0].Key = `k-{{ checksum "missing" }}`
	wantLog(t, s.ran(a), `not used: checksum of "missing"`, "exit 0")
	if n := len(s.caches); n != 1 {
		t.Errorf("%d caches", n)
	}
}

// TestCachesOfTwoSlots: jobs that run at once with the same key each find a whole cache, and
// each save of it is whole.
func TestCachesOfTwoSlots(t *testing.T) {
	t.Parallel()
	s := newCacheServer(t)
	home := t.TempDir()
	s.run(func(c *agent.Config) {
		c.Slots = 4
		c.Host.Path, c.Host.Home = os.Getenv("PATH"), home // shared by the slots
	})
	fill := `i=0; while [ $i -lt 20 ]; do mkdir -p out ~/tool; echo x > out/$i; echo x > ~/tool/$i; i=$((i+1)); done`
	check := `test $(ls out | wc -l) = 20 && test $(ls ~/tool | wc -l) = 20`
	s.ran(s.cacheJob(0, "ann", "1", fill, check))
	if err := os.RemoveAll(filepath.Join(home, "tool")); err != nil {
		t.Fatal(err)
	}
	var jobs []*errand.Assignment
	for n := 1; n <= 8; n++ {
		jobs = append(jobs, s.cacheJob(n, "ann", "1", check))
	}
	s.give(jobs...)
	s.await("all results", func() bool { return len(s.results) == 9 })
	for _, r := range s.results {
		if r.Result.ExitCode != 0 {
			text, _ := json.Marshal(r)
			t.Errorf("%s", text)
		}
	}
}
