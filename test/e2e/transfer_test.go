//go:build unix

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// A sluice forwards connections to a server, and holds all back once so many bytes have
// passed one way, until it is opened.
type sluice struct {
	target   string
	ln       net.Listener
	passable chan struct{} // closed when it is open
	reached  chan struct{} // closed when it holds something back

	mu   sync.Mutex
	left int64 // bytes that may pass
}

// newSluice lets limit bytes pass: up, to the server, or down.
func newSluice(t *testing.T, target string, up bool, limit int64) *sluice {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &sluice{target: strings.TrimPrefix(target, "http://"), ln: ln, passable: make(chan struct{}), reached: make(chan struct{}), left: limit}
	go func() { // ends with the listener
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go g.serve(c, up)
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		g.open()
	})
	return g
}

func (g *sluice) url() string { return "http://" + g.ln.Addr().String() }

func (g *sluice) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.passable:
	default:
		close(g.passable)
	}
}

// serve forwards a connection. It ends both ways when one ends.
func (g *sluice) serve(c net.Conn, up bool) {
	defer c.Close()
	s, err := net.Dial("tcp", g.target)
	if err != nil {
		return
	}
	defer s.Close()
	done := make(chan struct{}, 2)
	forward := func(to, from net.Conn, limited bool) {
		defer func() { done <- struct{}{} }()
		var in io.Reader = from
		if limited {
			in = &sluiced{from, g}
		}
		_, _ = io.Copy(to, in) // the ends see what broke
	}
	go forward(s, c, up)
	go forward(c, s, !up)
	<-done
}

type sluiced struct {
	io.Reader
	g *sluice
}

func (r *sluiced) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b[:min(len(b), 16<<10)])
	r.g.pass(n)
	return n, err
}

func (g *sluice) pass(n int) {
	g.mu.Lock()
	wasOpen := g.left > 0
	g.left -= int64(n)
	isOpen := g.left > 0
	if wasOpen && !isOpen {
		close(g.reached)
	}
	g.mu.Unlock()
	if !isOpen {
		<-g.passable
	}
}

// awaitReached waits until the transfer is in its middle.
func (g *sluice) awaitReached(t *testing.T) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(patience):
		t.Fatal("the transfer did not come to its middle")
	}
}

// longFile makes a folder with a file of random bytes, and returns its SHA-256.
func longFile(t *testing.T, size int) (dir, sum string) {
	t.Helper()
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(b) // can't fail
	dir = files(t, map[string]string{"long": string(b)})
	h := sha256.Sum256(b)
	return dir, hex.EncodeToString(h[:])
}

// errand starts a client command that reaches the server through the sluice.
func (g *sluice) errand(s *server, args ...string) *proc {
	return start(s.t, append(args[:1:1], append([]string{"--server", g.url(), "--token-file", s.tokenFile("user")}, args[1:]...)...)...)
}

const printSum = "sha256sum long | cut -d' ' -f1"

const folderBytes = 36_000_000 // two packs and a part of one

// TestClientKilledWhileSending: the next errand run sends what is missing.
func TestClientKilledWhileSending(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir, sum := longFile(t, folderBytes)
	g := newSluice(t, s.url, true, 35_000_000)
	p := g.errand(s, "run", dir, "-c", printSum)
	g.awaitReached(t)
	p.kill()
	p = s.errand("run", dir, "-c", printSum)
	if code := p.wait(); code != 0 || p.stdout.String() != sum+"\n" {
		t.Errorf("exit code %d, %q; stderr:\n%s", code, p.stdout, p.stderr)
	}
	if strings.Contains(p.stderr.String(), "uploaded 36.") || !strings.Contains(p.stderr.String(), "and uploaded ") {
		t.Errorf("it sent everything again:\n%s", p.stderr)
	}
	s.wantNothingLeft()
}

// TestServerKilledWhileSending: the client goes on with the server that is started again.
func TestServerKilledWhileSending(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	dir, sum := longFile(t, folderBytes)
	g := newSluice(t, s.url, true, 20_000_000)
	p := g.errand(s, "run", dir, "-c", printSum)
	g.awaitReached(t)
	s.kill()
	g.open()
	s = s.restart("1")
	if code := p.wait(); code != 0 || p.stdout.String() != sum+"\n" {
		t.Errorf("exit code %d, %q; stderr:\n%s", code, p.stdout, p.stderr)
	}
	s.wantNothingLeft()
}

// TestKilledWhileTheWorkerFetches: a worker that was killed in the middle fetches what it
// lacks; one whose server was killed goes on.
func TestKilledWhileTheWorkerFetches(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"agent", "server"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			s := local(t, "0", fast...)
			dir, sum := longFile(t, folderBytes)
			id := s.submit(dir, "--retries", "9", "-c", printSum)
			g := newSluice(t, s.url, false, 20_000_000)
			data := t.TempDir()
			a := s.agentAt(g.url(), data)
			g.awaitReached(t)
			if who == "agent" {
				a.kill()
				g.open() // what was signed for the first agent leads through it
				s.agent(data)
			} else {
				s.kill()
				g.open()
				s = s.restart("0", fast...)
			}
			job := s.awaitJob(id, "end", ended)
			if job.Status != errand.Completed || s.output("logs", id) != sum+"\n" {
				t.Errorf("%+v; output %q", job, s.output("logs", id))
			}
			parts, err := filepath.Glob(filepath.Join(data, "cache", "packs", "*", "*.part"))
			if err != nil || len(parts) > 0 {
				t.Errorf("left: %q, %v", parts, err)
			}
			s.await("the attempt's directory is removed", func() bool { return isEmpty(filepath.Join(data, "attempts")) })
			s.wantNothingLeft()
		})
	}
}

// TestKilledWhileACacheIsSaved: the agent or the server is killed while a job's cache is sent.
// The job doesn't end before the cache is there, and a job on another worker gets it.
func TestKilledWhileACacheIsSaved(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"agent", "server"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			s := local(t, "0", fast...)
			g := newSluice(t, s.url, true, 10_000_000)
			data := t.TempDir()
			a := s.agentAt(g.url(), data)
			cached := []string{"--no-source", "--cache", "k=out", "-c"}
			id := s.submit(append(cached, "mkdir out; head -c 20000000 /dev/urandom > out/long; sha256sum out/long")...)
			g.awaitReached(t)
			if job := s.job(id); job.Status != errand.Running {
				t.Errorf("the job is %s before its cache is saved", job.Status)
			}
			if who == "agent" {
				a.kill()
				g.open() // what was signed for the first agent leads through it
				a = s.agent(data)
			} else {
				s.kill()
				g.open()
				s = s.restart("0", fast...)
			}
			if job := s.awaitJob(id, "end", ended); job.Status != errand.Completed {
				t.Errorf("%+v", job)
			}
			s.await("the attempt's directory is removed", func() bool { return isEmpty(filepath.Join(data, "attempts")) })
			packs, err := filepath.Glob(filepath.Join(data, "cache", "packs", "*", "*"))
			if err != nil || len(packs) == 0 {
				t.Errorf("packs %q, %v", packs, err)
			}
			for _, p := range packs {
				if got := fmt.Sprintf("%x", sha256.Sum256([]byte(readFile(t, filepath.Dir(p), filepath.Base(p))))); got != filepath.Base(p) {
					t.Errorf("the pack %s has the SHA-256 %s", p, got)
				}
			}
			a.kill()
			s.agent(t.TempDir())
			if got, want := s.output(append([]string{"run"}, append(cached, "sha256sum out/long")...)...), s.output("logs", id); got != want {
				t.Errorf("restored %q, saved %q", got, want)
			}
			s.wantNothingLeft()
		})
	}
}

// TestClientKilledWhileItSaves: errand run writes down what it knows of a folder while the job
// begins. One that is killed then, whenever, spoils nothing for the next, and leaves nothing
// behind that errand prune doesn't remove.
func TestClientKilledWhileItSaves(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	all := map[string]string{}
	for i := range 1000 {
		all[fmt.Sprintf("d%d/file%d", i%10, i)] = strconv.Itoa(i)
	}
	dir := files(t, all)
	folders := filepath.Join(filepath.Dir(t.TempDir()), "cache", "errand", "folders")
	for n := range 4 {
		if err := os.WriteFile(filepath.Join(dir, "changed"), fmt.Append(nil, n), 0o600); err != nil {
			t.Fatal(err)
		}
		p := s.errand("run", dir, "-c", "sleep 60")
		s.await("the job is there", func() bool { return strings.Contains(p.stderr.String(), "errand: job ") })
		p.kill()
		s.output("cancel", "@last", "--wait")
	}
	saved, err := filepath.Glob(filepath.Join(folders, "*", "*"))
	if err != nil || len(saved) == 0 {
		t.Fatalf("saved %q, %v", saved, err)
	}
	for _, draft := range []string{"new-1", "new-2"} { // as if it was killed in the middle of a write
		if err := os.WriteFile(filepath.Join(filepath.Dir(saved[0]), draft), []byte(readFile(t, filepath.Dir(saved[0]), filepath.Base(saved[0]))[:100]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.output("run", dir, "-c", "cat changed; echo; ls d*/* | wc -l"); strings.Join(strings.Fields(got), " ") != "3 1000" {
		t.Errorf("the job got another folder: %q", got)
	}
	s.output("prune", "--token-file", s.tokenFile("admin"), "--cache-days", "0")
	if left, err := filepath.Glob(filepath.Join(folders, "*", "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %q, %v", left, err)
	}
}

// TestDamagedUploadIsSentAgain: no job gets a folder that the server's disk has changed. The next
// errand run sends it again.
func TestDamagedUploadIsSentAgain(t *testing.T) {
	t.Parallel()
	s := local(t, "1")
	dir, sum := longFile(t, 3_000_000)
	s.output("run", dir, "-c", printSum)
	s.kill()
	bodies, err := filepath.Glob(filepath.Join(s.data, "objects", "bodies", "*"))
	if err != nil || len(bodies) == 0 {
		t.Fatalf("bodies %q, %v", bodies, err)
	}
	for _, path := range bodies {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteAt([]byte("changed"), 5000)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(filepath.Join(s.data, "agents", "1", "cache")); err != nil { // the worker has it, too
		t.Fatal(err)
	}
	s = s.restart("1")
	p := s.errand("run", dir, "-c", printSum)
	if code := p.wait(); code != 125 || !strings.Contains(p.stderr.String(), "source_unavailable") || p.stdout.String() != "" {
		t.Errorf("exit code %d, %q; stderr:\n%s", code, p.stdout, p.stderr)
	}
	p = s.errand("run", dir, "-c", printSum)
	if code := p.wait(); code != 0 || p.stdout.String() != sum+"\n" || !strings.Contains(p.stderr.String(), "and uploaded 3") {
		t.Errorf("again: exit code %d, %q; stderr:\n%s", code, p.stdout, p.stderr)
	}
}

// TestServerKilledWhileArtifactsAreSent: those of one request, and one in parts.
func TestServerKilledWhileArtifactsAreSent(t *testing.T) {
	t.Parallel()
	s := local(t, "0")
	g := newSluice(t, s.url, true, 30_000_000)
	s.agentAt(g.url(), t.TempDir())
	id := s.submit("--no-source", "--artifact", "out", "-c", `mkdir out; cd out; head -c 70000000 /dev/urandom > long; head -c 5000000 long > short; sha256sum *`)
	g.awaitReached(t)
	s.kill()
	g.open()
	s = s.restart("0")
	job := s.awaitJob(id, "end", ended)
	if job.Status != errand.Completed || job.Result.Artifacts.Error != "" || job.Result.Artifacts.Files != 2 {
		t.Fatalf("%+v", job)
	}
	to := t.TempDir()
	s.output("artifacts", "get", id, "--to", to)
	if got, want := sums(t, filepath.Join(to, "out"), "long", "short"), s.output("logs", id); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	s.wantNothingLeft()
}

// sums is what sha256sum prints.
func sums(t *testing.T, dir string, names ...string) string {
	t.Helper()
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256([]byte(readFile(t, dir, name))), name)
	}
	return b.String()
}

// TestKilledWhileArtifactsAreFetched: a client that was killed leaves no file that looks
// whole, and the next one removes what it left; one whose server was killed goes on.
func TestKilledWhileArtifactsAreFetched(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"client", "server"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			s := local(t, "1")
			id := s.submit("--no-source", "--artifact", "long", "-c", `head -c 20000000 /dev/urandom > long; sha256sum long`)
			s.awaitJob(id, "end", ended)
			want := s.output("logs", id)
			g := newSluice(t, s.url, false, 10_000_000)
			to := t.TempDir()
			p := g.errand(s, "artifacts", "get", id, "--to", to)
			g.awaitReached(t)
			if who == "client" {
				p.kill()
				if _, err := os.Stat(filepath.Join(to, "long")); err == nil {
					t.Error("half a file has its name")
				}
				p = s.errand("artifacts", "get", id, "--to", to)
			} else {
				s.kill()
				g.open()
				s = s.restart("1")
			}
			if code := p.wait(); code != 0 || sums(t, to, "long") != want {
				t.Errorf("exit code %d; stderr:\n%s", code, p.stderr)
			}
			if left, err := os.ReadDir(to); err != nil || len(left) != 1 {
				t.Errorf("left: %v, %v", left, err)
			}
			s.wantNothingLeft()
		})
	}
}

func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

// wantNothingLeft checks that after a prune and a restart, the server's files are those of
// what it says is stored, and no upload is unfinished.
func (s *server) wantNothingLeft() {
	s.t.Helper()
	admin := &api.Client{BaseURL: s.url, Token: s.token("admin")}
	zero := 0
	if _, err := admin.Prune(s.t.Context(), errand.Prune{PackDays: &zero}); err != nil {
		s.t.Fatal(err)
	}
	stored, err := admin.Storage(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var want int64
	for _, k := range stored.Kinds {
		want += k.Bytes
	}
	s.kill()
	after := s.restart("0")
	defer after.kill()
	var got int64
	for _, dir := range []string{"bodies", "tmp"} {
		entries, err := os.ReadDir(filepath.Join(s.data, "objects", dir))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil {
				got += info.Size()
			}
		}
	}
	if got > want {
		s.t.Errorf("the files of objects have %d bytes, and %d are stored", got, want)
	}
}
