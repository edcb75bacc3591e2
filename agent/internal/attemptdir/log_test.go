package attemptdir_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/attemptdir"
	"github.com/errandhq/errand/agent/internal/spool"
)

// TestBeginLog: the log begins with the whole lines that precede the commands, and its time
// and hash go on from there.
func TestBeginLog(t *testing.T) {
	t.Parallel()
	d, err := attemptdir.Create(t.TempDir(), &errand.Assignment{JobID: "J", Attempt: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.OpenLog(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a log before there is one: %v", err)
	}
	now := time.Unix(1000, 0)
	clock := func() time.Time { return now }
	stages, err := spool.Append(d.Stages(), now, clock)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(7 * time.Second)
	write(t, stages, "fetched\n")
	whole := stages.End()
	write(t, stages, "cut off\n")
	stages.Close()
	if err := os.Truncate(d.Stages(), whole.File+5); err != nil {
		t.Fatal(err)
	}
	r, err := d.OpenLog()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := os.Lstat(d.Log()); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("there is a log before the commands may have begun: %v", err)
	}
	now = now.Add(time.Hour) // of another process
	log, err := d.BeginLog(clock)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if log.End() != whole {
		t.Errorf("the log begins with %+v, want %+v", log.End(), whole)
	}
	now = now.Add(time.Second)
	write(t, log, "$ true\n")
	if err := r.Continue(d.Log()); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Scan(); err != nil || got.Bytes != log.Log().Bytes || got.SHA256 != log.Log().SHA256 {
		t.Errorf("the log is %+v, %v; its writer says %+v", got, err, log.Log())
	}
	b, _, err := r.Read(spool.Pos{}, r.End(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := errand.ParseFrames(b)
	if err != nil || len(frames) != 2 || string(frames[0].Data)+string(frames[1].Data) != "fetched\n$ true\n" || frames[0].Elapsed != 7*time.Second || frames[1].Elapsed != 8*time.Second {
		t.Errorf("frames %+v, %v", frames, err)
	}
}

func write(t *testing.T, s *spool.Spool, line string) {
	t.Helper()
	if err := s.Write(errand.System, -1, []byte(line)); err != nil {
		t.Fatal(err)
	}
}
