package s3_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// childDir makes the test binary the process that is killed.
const childDir = "ERRAND_S3_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir, os.Stdout))
	}
	os.Exit(m.Run())
}

const (
	killWorkers = 4
	killKeys    = 3 // of each worker
)

// child changes objects until it is killed. Each worker has keys of its own and
// says on stdout what it begins and what was acknowledged: "begin KEY N" and
// "done KEY N", where N is the generation and tells the bytes.
func child(dir string, out io.Writer) int {
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(out, format+"\n", args...)
	}
	e, _, err := tryOpen(vfs.Default, dir)
	if err != nil {
		say("fail %v", err)
		return 1
	}
	var wg sync.WaitGroup
	for w := range killWorkers {
		wg.Go(func() {
			from, _ := strconv.Atoi(os.Getenv(childDir + "_FROM"))
			for n := from; ; n++ {
				key := fmt.Sprintf("%d-%d", w, n%killKeys)
				say("begin %s %d", key, n)
				if err := generation(e, key, n); err != nil {
					say("fail %s %d %v", key, n, err)
					return
				}
				say("done %s %d", key, n)
			}
		})
	}
	wg.Wait()
	return 1
}

// generation makes key what it is in its n-th generation: deleted, small, in a
// file, or of a multipart upload.
func generation(e *s3.Engine, key string, n int) error {
	body := generationBody(key, n)
	switch {
	case body == "":
		return e.DeleteObject("bkt", key, s3.Conditions{})
	case n%4 == 3:
		return multipart(e, key, body, true)
	}
	return put(e, key, body)
}

func generationBody(key string, n int) string {
	text := fmt.Sprintf("%s %d;", key, n)
	switch n % 4 {
	case 0:
		return ""
	case 1:
		return text
	}
	return strings.Repeat(text, 100<<10/len(text))
}

// TestKill kills the process at work, over and over on the same directory. What
// it had acknowledged must be there, whole; nothing may be half there, and no
// file left over. ERRAND_S3_KILLS is how often.
func TestKill(t *testing.T) {
	kills := 3
	if v := os.Getenv("ERRAND_S3_KILLS"); v != "" {
		var err error
		kills, err = strconv.Atoi(v)
		check(t, err)
	}
	dir := t.TempDir()
	e, stop := open(t, vfs.Default, dir, clock.Real())
	check(t, e.CreateBucket("bkt", "us-east-1"))
	stop()
	l := &killLog{done: map[string]int{}, begun: map[string]int{}}
	for round := range kills {
		l.run(t, dir, 60+round*37)
		l.verify(t, dir)
		if t.Failed() {
			t.Fatalf("after kill %d", round+1)
		}
	}
	t.Logf("%d kills, %d generations acknowledged", kills, l.acks)
}

// killLog is what the children have said; -1 stands for nothing yet.
type killLog struct {
	done, begun map[string]int
	acks, top   int
}

// run starts a child and kills it once it has acknowledged so much.
func (l *killLog) run(t *testing.T, dir string, acks int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s_FROM=%d", childDir, l.top+1))
	out, err := cmd.StdoutPipe()
	check(t, err)
	cmd.Stderr = os.Stderr
	check(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 3 || f[0] == "fail" {
			t.Errorf("child: %s", lines.Text())
			continue
		}
		gen, err := strconv.Atoi(f[2])
		check(t, err)
		if l.top = max(l.top, gen); f[0] == "begin" {
			l.begun[f[1]] = gen
			continue
		}
		l.done[f[1]] = gen
		l.acks++
		if n++; n == acks {
			check(t, cmd.Process.Kill()) // what it has said until now is still read
		}
	}
	_ = cmd.Wait() // it was killed
}

func (l *killLog) verify(t *testing.T, dir string) {
	t.Helper()
	e, stop := open(t, vfs.Default, dir, clock.Real())
	defer stop()
	files := 0
	for key, begun := range l.begun {
		got, n, err := whole(e, key)
		files += n
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		done, ok := l.done[key]
		if !(ok && got == generationBody(key, done) || !ok && got == "" || got == generationBody(key, begun)) {
			t.Errorf("%s is %.20q; acknowledged was generation %d, begun %d", key, got, done, begun)
		}
		// Whichever it is: the next child goes on from there.
		l.recordFound(key, got)
	}
	page, err := e.ListMultipartUploads("bkt", s3.ListMultipartUploadsInput{Max: 1000})
	check(t, err)
	for _, u := range page.Uploads {
		_, parts, _, err := e.ListParts("bkt", u.Key, u.ID, 0, 10)
		check(t, err)
		files += len(parts)
	}
	if n := len(bodies(t, vfs.Default, dir)); n != files {
		t.Errorf("%d files of %d bodies in %s", n, files, filepath.Base(dir))
	}
}

// recordFound records what was found as acknowledged: it must not change again.
func (l *killLog) recordFound(key, got string) {
	if got == generationBody(key, l.begun[key]) {
		l.done[key] = l.begun[key]
	}
}
