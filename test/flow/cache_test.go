package flow

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

func caches(all ...errand.Cache) func(*errand.Spec) {
	return func(s *errand.Spec) { s.Cache = all }
}

var goCache = errand.Cache{Key: `go-{{ checksum "go.sum" }}`, Paths: []string{"~/.cache/go-build"}, Prefixes: []string{"go-"}}

// takeCached has a worker take a job with caches, of a caller.
func (w *world) takeCached(c control.Caller, worker, queue string, all ...errand.Cache) (*worker, *errand.Assignment) {
	w.t.Helper()
	spec := errand.Spec{Commands: []errand.Command{{Shell: "true"}}, Queue: queue, Cache: all}
	job, err := w.svc.CreateJob(w.ctx, c, spec, control.CreateOptions{})
	wantCode(w.t, err, "")
	k := w.worker(worker).withFeatures(errand.FeatureCache)
	a := k.take(true)
	if a.JobID != job.Spec.ID || len(a.Cache) != len(all) {
		w.t.Fatalf("got %+v", a)
	}
	return k, a
}

func (k *worker) ask(a *errand.Assignment, q errand.CacheQuestion) errand.CacheAnswer {
	k.t.Helper()
	answer, err := k.svc.Cache(k.ctx, k.caller, k.report(a), q)
	wantCode(k.t, err, "")
	return answer
}

// keep sends a cache of a pack and a root. It returns false if there is one already.
func (k *worker) keep(a *errand.Assignment, key, text string) bool {
	k.t.Helper()
	pack, packed := newContent("pack of " + text)
	root, rooted := newContent(text)
	answer := k.ask(a, errand.CacheQuestion{Key: key, Uploads: []errand.Content{packed, rooted}})
	if answer.Found != nil {
		return false
	}
	for i, body := range [][]byte{pack, root} {
		if status, text := k.send(answer.Puts[i], body); status != http.StatusOK {
			k.t.Fatalf("PUT: HTTP %d %s", status, text)
		}
	}
	return true
}

// found is the key and the text of the cache that is found, or nothing.
func (k *worker) found(a *errand.Assignment, key string, prefixes ...string) string {
	k.t.Helper()
	answer := k.ask(a, errand.CacheQuestion{Key: key, Prefixes: prefixes})
	if answer.Found == nil {
		return ""
	}
	src := answer.Found.Source
	_, root := k.get(src.Download)
	if len(src.Downloads) != 1 || len(src.Packs) != 1 || src.Format != errand.FormatManifest || src.Size != int64(len("pack of ")+2*len(root)) {
		k.t.Errorf("source %+v", src)
	}
	if _, pack := k.get(src.Downloads[0]); string(pack) != "pack of "+string(root) {
		k.t.Errorf("the pack is %q", pack)
	}
	return answer.Found.Key + "=" + string(root)
}

// TestCache: what is kept is found by its key, else by a prefix; it never changes.
func TestCache(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	k, a := w.takeCached(w.user, "a", "", goCache)
	if got := k.found(a, "go-1", "go-"); got != "" {
		t.Errorf("found %s before anything was kept", got)
	}
	for i, key := range []string{"go-2", "go-1", "other-3"} {
		w.clock.Advance(time.Second)
		if !k.keep(a, key, fmt.Sprint("text", i)) {
			t.Errorf("%s is there already", key)
		}
	}
	if k.keep(a, "go-1", "another text") {
		t.Error("a cache was replaced")
	}
	for _, tt := range []struct {
		key      string
		prefixes []string
		want     string
	}{
		{"go-1", nil, "go-1=text1"}, {"go-2", []string{"go-"}, "go-2=text0"}, {"go-", nil, ""}, {"go", []string{"x", "go-"}, "go-1=text1"},
		{"go-3", []string{"other", "go-"}, "other-3=text2"}, {"go-3", nil, ""}, {"go-1.1", []string{"go-2"}, "go-2=text0"},
	} {
		if got := k.found(a, tt.key, tt.prefixes...); got != tt.want {
			t.Errorf("%s, %v: %s, want %s", tt.key, tt.prefixes, got, tt.want)
		}
	}
}

// TestCacheThatWasNotSentWholly is not found: its root comes last.
func TestCacheThatWasNotSentWholly(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	k, a := w.takeCached(w.user, "a", "", goCache)
	pack, packed := newContent("pack of something else")
	_, rooted := newContent("root")
	answer := k.ask(a, errand.CacheQuestion{Key: "go-1", Uploads: []errand.Content{packed, rooted}})
	k.send(answer.Puts[0], pack)
	if status, _ := k.send(answer.Puts[1], pack); status == http.StatusOK {
		t.Error("something else was taken for the root")
	}
	if got := k.found(a, "go-1", "go-"); got != "" {
		t.Errorf("found %s", got)
	}
	if !k.keep(a, "go-1", "text") || k.found(a, "go-1") != "go-1=text" {
		t.Error("what was left of the first is in the way")
	}
}

// TestCachesAreApart: another owner, queue, system or set of paths has other caches.
func TestCachesAreApart(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	w.queue("gpu")
	k, a := w.takeCached(w.user, "a", "", goCache)
	if !k.keep(a, "go-1", "secret") {
		t.Fatal("there already")
	}
	if _, err := k.submit(a, 0); err != nil {
		t.Fatal(err)
	}
	bob := w.user
	bob.Owner = "bob"
	paths := goCache
	paths.Paths = append([]string{"node_modules"}, paths.Paths...)
	for name, tt := range map[string]struct {
		caller control.Caller
		queue  string
		cache  errand.Cache
		want   string
	}{
		"the same":      {w.user, "", goCache, "go-1=secret"},
		"another owner": {bob, "", goCache, ""},
		"another queue": {w.user, "gpu", goCache, ""},
		"other paths":   {w.user, "", paths, ""},
	} {
		k, a := w.takeCached(tt.caller, "a", tt.queue, tt.cache)
		if got := k.found(a, "go-1", "go-", "g"); got != tt.want {
			t.Errorf("%s: found %q, want %q", name, got, tt.want)
		}
		if _, err := k.submit(a, 0); err != nil {
			t.Fatal(err)
		}
	}
	if goCache.Scope("linux", "amd64") == goCache.Scope("linux", "arm64") {
		t.Error("two architectures share a cache")
	}
}

// TestCacheIsForWhoHoldsTheAttempt: others learn nothing and keep nothing.
func TestCacheIsForWhoHoldsTheAttempt(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, nil)
	k, a := w.takeCached(w.user, "a", "", goCache)
	other := w.worker("b")
	q := errand.CacheQuestion{Key: "go-1"}
	_, err := other.svc.Cache(other.ctx, other.caller, other.report(a), q)
	wantCode(t, err, errand.CodeStaleAttempt)
	for _, q := range []errand.CacheQuestion{
		{Key: "../other"}, {Key: ""}, {Key: "a/b"}, {Key: "a", Prefixes: []string{""}}, {Key: "a", Cache: 1}, {Key: "a", Cache: -1},
		{Key: "a", Uploads: []errand.Content{{SHA256: strings.Repeat("0", 64), Size: errand.MaxCacheBytes + 1}}}, {Key: "a", Uploads: []errand.Content{{SHA256: "../../x"}}},
	} {
		_, err := k.svc.Cache(k.ctx, k.caller, k.report(a), q)
		wantCode(t, err, errand.CodeInvalidField)
	}
	if _, err := k.submit(a, 0); err != nil {
		t.Fatal(err)
	}
	_, err = k.svc.Cache(k.ctx, k.caller, k.report(a), q)
	wantCode(t, err, errand.CodeStaleAttempt)
	w.create(caches(goCache))
	w.worker("old").withFeatures().take(false)
}
