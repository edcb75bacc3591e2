package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/errandhq/errand"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// storage serves contents at their SHA-256.
type storage struct {
	*httptest.Server
	t        *testing.T
	contents map[string]string
	serve    func(w http.ResponseWriter, r *http.Request) bool // may answer instead
}

func newStorage(t *testing.T) *storage {
	t.Helper()
	s := &storage{t: t, contents: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.serve != nil && s.serve(w, r) {
			return
		}
		text, ok := s.contents[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	}))
	t.Cleanup(s.Close)
	return s
}

// file is a file with that content; the content is in the storage.
func (s *storage) file(name, text string) File {
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:])
	s.contents[hash] = text
	return File{
		ArtifactFile: errand.ArtifactFile{Path: name, Content: errand.Content{SHA256: hash, Size: int64(len(text))}, Mode: "0644", ModifiedAt: now.Add(-time.Hour)},
		Download:     &errand.SignedRequest{Method: http.MethodGet, URL: s.URL + "/" + hash},
	}
}

func link(name, target string) File {
	return File{ArtifactFile: errand.ArtifactFile{Path: name, Link: target, Mode: "0777"}}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// folder makes a folder of files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "in")
	check(t, os.Mkdir(dir, 0o755))
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		check(t, os.MkdirAll(filepath.Dir(at), 0o755))
		check(t, os.WriteFile(at, []byte(text), 0o644))
	}
	return dir
}

// content is all that is in a folder, by path.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	check(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, p)
		switch {
		case err != nil || d.IsDir():
			return err
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			all[filepath.ToSlash(name)] = "-> " + target
			return err
		}
		b, err := os.ReadFile(p)
		all[filepath.ToSlash(name)] = string(b)
		return err
	}))
	return all
}

func (s *storage) config(dir string) Config {
	return Config{Dir: dir, HTTP: s.Client(), Now: now}
}

func TestFetch(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: it fetches symbolic links, which need a privilege on Windows")
	}
	t.Parallel()
	s := newStorage(t)
	dir := folder(t, map[string]string{"src/main.c": "local"})
	app := s.file("dist/app", "program")
	app.Mode = "4755"
	future := s.file("dist/sub/x", "")
	future.ModifiedAt = now.Add(time.Hour)
	c := s.config(dir)
	p, err := errand.ParsePattern("dist")
	check(t, err)
	c.Patterns = []errand.Pattern{p}
	var came atomic.Int64
	c.Progress = func(n int64) { came.Add(n) }
	report, err := Fetch(t.Context(), c, []File{app, future, s.file("src/main.c", "hostile"), s.file("other", "not asked for"), link("dist/l", "app")})
	check(t, err)
	if diff := cmp.Diff(Report{Fetched: []string{"dist/app", "dist/l", "dist/sub/x"}, Bytes: 7}, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	want := map[string]string{"src/main.c": "local", "dist/app": "program", "dist/sub/x": "", "dist/l": "-> app"}
	if diff := cmp.Diff(want, content(t, dir)); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(dir, "dist/app"))
	check(t, err)
	if info.Mode() != 0o755 && filepath.Separator == '/' || !info.ModTime().Equal(now.Add(-time.Hour)) || came.Load() != 7 {
		t.Errorf("mode %v, time %v; %d bytes came", info.Mode(), info.ModTime(), came.Load())
	}
	if info, err := os.Stat(filepath.Join(dir, "dist/sub/x")); err != nil || info.ModTime().After(now) {
		t.Errorf("a file of the future: %v, %v", info.ModTime(), err)
	}
}

// TestNotReplaced: a local file is kept unless its content is known to be elsewhere.
func TestNotReplaced(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	dir := folder(t, map[string]string{"sent": "as sent", "edited": "edited", "local": "local", "fetched": "v1", "fetched-edited": "mine", "same": "new"})
	check(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	cache := t.TempDir()
	record, err := OpenRecord(cache, dir)
	check(t, err)
	v1 := s.file("", "v1")
	record.set("fetched", v1.mark())
	record.set("fetched-edited", v1.mark())
	check(t, record.Save())
	c := s.config(dir)
	c.Record, err = OpenRecord(cache, dir)
	check(t, err)
	c.Unchanged = func(name string, _ fs.FileInfo) (unchanged, sent bool) {
		return name == "sent", name == "sent" || name == "edited"
	}
	names := []string{"sent", "edited", "local", "fetched", "fetched-edited", "same", "folder", "below/new", "local/below"}
	files := make([]File, len(names))
	for i, n := range names {
		files[i] = s.file(n, "new")
	}
	if _, err := Fetch(t.Context(), c, files); err == nil {
		t.Error("a list with local and local/below is taken")
	}
	files = files[:8]
	report, err := Fetch(t.Context(), c, files)
	check(t, err)
	want := Report{Fetched: []string{"below/new", "fetched", "sent"}, Bytes: 9, Same: 1, Kept: []NotFetched{
		{"edited", "has changed since it was sent"}, {"fetched-edited", "has changed since it was fetched"},
		{"folder", "is not a file"}, {"local", "exists, and was neither sent nor fetched"},
	}}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	check(t, c.Record.Save())
	if c.Record, err = OpenRecord(cache, dir); err != nil || c.Record.get("sent") != files[0].mark() || c.Record.get("same") != files[0].mark() {
		t.Errorf("the record %v, %v", c.Record.Files, err)
	}
	c.Force = true
	report, err = Fetch(t.Context(), c, files)
	check(t, err)
	if len(report.Kept) != 1 || report.Kept[0].Path != "folder" || len(report.Fetched) != 3 || report.Same != 4 {
		t.Errorf("by force: %+v", report)
	}
}

// TestHostileNames: none of these is written, and nothing else of their list.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	for name, hostile := range map[string][]File{
		"parent":                 {s.file("../x", "x")},
		"parent inside":          {s.file("a/../../x", "x")},
		"parent that stays":      {s.file("a/../x", "x")},
		"absolute":               {s.file("/tmp/x", "x")},
		"the folder":             {s.file(".", "x")},
		"empty":                  {s.file("", "x")},
		"empty element":          {s.file("a//b", "x")},
		"dot element":            {s.file("./a", "x")},
		"slash at the end":       {s.file("a/", "x")},
		"NUL":                    {s.file("a\x00b", "x")},
		"not UTF-8":              {s.file("a\xff", "x")},
		"long":                   {s.file(strings.Repeat("a/", 2500)+"a", "x")},
		"deep":                   {s.file(strings.Repeat("a/", 255)+"a", "x")},
		"git":                    {s.file(".git/hooks/post-checkout", "x")},
		"git below":              {s.file("a/.git/config", "x")},
		"a file .git":            {s.file(".git", "gitdir: /tmp")},
		"git in capitals":        {s.file(".GiT/config", "x")},
		"git's short name":       {s.file("GIT~1/config", "x")},
		"git with a dot":         {s.file(".git./config", "x")},
		"git with a space":       {s.file(".git /config", "x")},
		"git's stream":           {s.file(".git::$INDEX_ALLOCATION/config", "x")},
		"git with a hidden char": {s.file(".g\u200cit/config", "x")},
		"twice":                  {s.file("a", "x"), s.file("a", "y")},
		"below a file":           {s.file("a", "x"), s.file("a/b", "y")},
		"below a link":           {link("a", "b"), s.file("a/b", "y")},
		"file and link":          {s.file("a", "x"), link("a", "b")},
		"link above":             {link("a", "../x")},
		"link above inside":      {link("a/b", "../../x")},
		"link through others":    {link("a/b/c/l", "../../../z"), link("out", "a/b/c/l/../..")},
		"absolute link":          {link("a", "/etc/passwd")},
		"link with NUL":          {link("a", "a\x00b")},
	} {
		dir := folder(t, map[string]string{".git/config": "mine"})
		report, err := Fetch(t.Context(), s.config(dir), append([]File{s.file("ok", "x")}, hostile...))
		if err == nil {
			t.Errorf("%s: %+v", name, report)
		}
		if diff := cmp.Diff(map[string]string{".git/config": "mine"}, content(t, dir)); diff != "" {
			t.Errorf("%s: the folder (-want +got):\n%s", name, diff)
		}
		if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
			t.Errorf("%s: beside the folder: %v, %v", name, entries, err)
		}
	}
}

// TestLeftOut: an honest worker sends these links, so the other files come.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	for name, hostile := range map[string]File{
		"git":       link("a", ".git/config"),
		"Git":       link("d/a", "../.Git"),
		"backslash": link("a", `..\x`),
		"drive":     link("a", "C:/x"),
		"colon":     link("a", "b:c"),
	} {
		dir := folder(t, map[string]string{".git/config": "mine"})
		report, err := Fetch(t.Context(), s.config(dir), []File{hostile, s.file("ok", "x")})
		check(t, err)
		if len(report.LeftOut) != 1 || report.LeftOut[0].Path != hostile.Path || !strings.Contains(report.LeftOut[0].Why, "is a symbolic link to ") {
			t.Errorf("%s: left out %+v", name, report.LeftOut)
		}
		if diff := cmp.Diff(map[string]string{".git/config": "mine", "ok": "x"}, content(t, dir)); diff != "" {
			t.Errorf("%s: the folder (-want +got):\n%s", name, diff)
		}
		if _, err := Fetch(t.Context(), s.config(dir), []File{hostile, s.file(hostile.Path+"/b", "x")}); err == nil {
			t.Errorf("%s: a file below it is taken", name)
		}
	}
}

// TestThroughLinks: nothing is written through a link, the user's or an earlier job's.
func TestThroughLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: symbolic links need a privilege on Windows")
	}
	t.Parallel()
	s := newStorage(t)
	outside := t.TempDir()
	dir := folder(t, map[string]string{"target": "mine"})
	for name, target := range map[string]string{"dist": outside, "inner": ".", "file": "target", "git": ".git"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skipf("skipped: this system has no symbolic links: %v", err)
		}
	}
	c := s.config(dir)
	c.Force = true
	report, err := Fetch(t.Context(), c, []File{
		s.file("dist/app", "x"), s.file("inner/target", "x"), s.file("git/config", "x"), s.file("file", "replaced"),
		link("a/b/c/l", "../../../z"),
	})
	check(t, err)
	if diff := cmp.Diff([]string{"a/b/c/l", "file"}, report.Fetched); diff != "" {
		t.Errorf("fetched (-want +got):\n%s", diff)
	}
	if len(report.Kept) != 3 {
		t.Errorf("kept %+v", report.Kept)
	}
	got := content(t, dir)
	if got["target"] != "mine" || got["file"] != "replaced" || got["git"] != "-> .git" {
		t.Errorf("the folder %v", got)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

// TestHostileStorage: what comes must be what was listed; nothing else stays.
func TestHostileStorage(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	dir := folder(t, nil)
	other := s.file("other", "what was listed")
	s.contents[other.SHA256] = "something else!"
	longer := s.file("longer", "short")
	s.contents[longer.SHA256] = strings.Repeat("long", 1000)
	gone := s.file("gone", "gone")
	delete(s.contents, gone.SHA256)
	nowhere := s.file("nowhere", "x")
	nowhere.Download = nil
	report, err := Fetch(t.Context(), s.config(dir), []File{other, longer, gone, nowhere, s.file("good", "good")})
	for _, f := range []string{"other", "longer", "gone", "nowhere"} {
		if err == nil || !strings.Contains(err.Error(), `"`+f+`"`) {
			t.Errorf("the error is not about %s: %v", f, err)
		}
	}
	if diff := cmp.Diff(map[string]string{"good": "good"}, content(t, dir)); diff != "" {
		t.Errorf("the folder (-want +got):\n%s\n%+v", diff, report)
	}
}

// TestLeftByAKilledProcess: its temporary files go with the next Fetch of any folder, and
// nothing else; not those of a process that lives.
func TestLeftByAKilledProcess(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	cache := t.TempDir()
	dir := folder(t, map[string]string{"a/.errand-X.tmp": "half", "a/mine": "mine", "a/.errand-other.tmp": "not named"})
	records := filepath.Join(cache, RecordsDir)
	killed, err := openJournal(records, dir)
	check(t, err)
	for _, name := range []string{"a/.errand-X.tmp", "a/mine", "../in/a/mine", "/etc/passwd", "a/gone.tmp"} {
		check(t, killed.add(name))
	}
	_, err = killed.out.WriteString(`"a/.errand-`)
	check(t, err)
	fetchOther := func() {
		t.Helper()
		c := s.config(folder(t, nil))
		c.Record, err = OpenRecord(cache, c.Dir)
		check(t, err)
		_, err = Fetch(t.Context(), c, []File{s.file("x", "x")})
		check(t, err)
	}
	fetchOther()
	if got := content(t, dir); got["a/.errand-X.tmp"] != "half" {
		t.Errorf("while the process lives, its file went: %v", got)
	}
	check(t, errors.Join(killed.out.Close(), killed.lock.Unlock()))
	fetchOther()
	if diff := cmp.Diff(map[string]string{"a/mine": "mine", "a/.errand-other.tmp": "not named"}, content(t, dir)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if left, err := filepath.Glob(filepath.Join(records, "*")); err != nil || len(left) > 0 {
		t.Errorf("journals left: %q, %v", left, err)
	}
}

// TestInterruptedTransfer: a transfer goes on where it broke off, and one that the user
// ends leaves nothing.
func TestInterruptedTransfer(t *testing.T) {
	t.Parallel()
	s := newStorage(t)
	text := strings.Repeat("0123456789", 50_000)
	file := s.file("a", text)
	var tries atomic.Int32
	s.serve = func(w http.ResponseWriter, r *http.Request) bool {
		switch tries.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		case 2:
			w.Header().Set("Content-Length", fmt.Sprint(len(text)))
			_, _ = w.Write([]byte(text[:200_000]))
			panic(http.ErrAbortHandler)
		}
		if r.Header.Get("Range") != "bytes=200000-" {
			t.Errorf("range %q", r.Header.Get("Range"))
		}
		return false
	}
	dir := folder(t, nil)
	_, err := Fetch(t.Context(), s.config(dir), []File{file})
	check(t, err)
	if got := content(t, dir); got["a"] != text {
		t.Errorf("%d bytes arrived", len(got["a"]))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	s.serve = func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write([]byte(text[:100]))
		cancel(errors.New("Ctrl-C"))
		panic(http.ErrAbortHandler)
	}
	dir = folder(t, nil)
	if _, err := Fetch(ctx, s.config(dir), []File{file}); err == nil || err.Error() != "Ctrl-C" {
		t.Errorf("error %v", err)
	}
	if got := content(t, dir); len(got) != 0 {
		t.Errorf("left %v", got)
	}
}
