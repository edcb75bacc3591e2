// Package attemptdir is the layout of an attempt's directory, from which a
// restarted agent goes on:
//
//	DATA/attempts/<job>-<attempt>/
//	  job.json     the assignment: there before anything else
//	  source.zip   while it is fetched and unpacked
//	  work/        where the commands run
//	  tmp/         their TMPDIR
//	  log          all frames of the log
//	  result.json  what came out: on disk before anyone is told
package attemptdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/internal/durable"
)

// A Dir is the directory of one attempt.
type Dir string

// An Outcome is what came out of an attempt.
type Outcome struct {
	// Result is what there is of one; its Log has no tail yet.
	Result errand.Result `json:"result"`
	// Reason and Error say why it failed; empty: the commands ran to their end.
	Reason errand.Reason `json:"reason,omitempty"`
	Error  string        `json:"error,omitempty"`
	// End is where the log ends, Sent up to where it was uploaded, and Trying
	// the end of the chunk whose upload had begun: it is sent again as it was,
	// since it may have arrived. Equal to Sent: none.
	End    spool.Pos `json:"end"`
	Sent   spool.Pos `json:"sent"`
	Trying spool.Pos `json:"trying"`
}

// Create makes the directory of an assignment, durably. What an earlier process
// left of the same attempt goes.
func Create(data string, a *errand.Assignment) (Dir, error) {
	d := Dir(filepath.Join(root(data), a.JobID+"-"+strconv.Itoa(a.Attempt)))
	if err := d.create(a); err != nil {
		return d, fmt.Errorf("make the attempt's directory: %w", err)
	}
	return d, nil
}

func root(data string) string { return filepath.Join(data, "attempts") }

func (d Dir) create(a *errand.Assignment) error {
	if err := d.Remove(); err != nil {
		return err
	}
	if err := makeRoot(filepath.Dir(string(d))); err != nil {
		return err
	}
	for _, dir := range []string{string(d), d.Work(), d.Temp()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	if err := durable.WriteJSON(durable.OS, d.join("job.json"), a); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(string(d)))
}

// makeRoot makes the directory of all attempts, durably, the first time.
func makeRoot(root string) error {
	err := os.Mkdir(root, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(root))
}

// tryBytes is what Try writes.
const tryBytes = 1 << 20

// Try makes a directory like an attempt's, writes to it and removes it, to find
// out whether that works.
func Try(data string) (err error) {
	if err := makeRoot(root(data)); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(root(data), "try-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, tryBytes))
	return errors.Join(err, f.Sync(), f.Close())
}

// List is the directories that are there, whatever their state.
func List(data string) ([]Dir, error) {
	entries, err := os.ReadDir(root(data))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for earlier attempts: %w", err)
	}
	var dirs []Dir
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, Dir(filepath.Join(root(data), e.Name())))
		}
	}
	return dirs, nil
}

func (d Dir) join(name string) string { return filepath.Join(string(d), name) }

// Work is where the commands run.
func (d Dir) Work() string { return d.join("work") }

// Temp is the commands' TMPDIR.
func (d Dir) Temp() string { return d.join("tmp") }

// Source is where the archive is while it is fetched and unpacked.
func (d Dir) Source() string { return d.join("source.zip") }

// Log is the log's file.
func (d Dir) Log() string { return d.join("log") }

// Assignment reads what the attempt is of.
func (d Dir) Assignment() (*errand.Assignment, error) {
	var a errand.Assignment
	if err := durable.ReadJSON(durable.OS, d.join("job.json"), &a); err != nil {
		return nil, err
	}
	return &a, nil
}

// WriteOutcome keeps what came out, durably.
func (d Dir) WriteOutcome(o *Outcome) error {
	return durable.WriteJSON(durable.OS, d.join("result.json"), o)
}

// Outcome reads it. Errors: fs.ErrNotExist, if the attempt had not ended.
func (d Dir) Outcome() (*Outcome, error) {
	var o Outcome
	if err := durable.ReadJSON(durable.OS, d.join("result.json"), &o); err != nil {
		return nil, err
	}
	return &o, nil
}

// Remove removes all of it, also directories that commands made read-only.
// It takes result.json last, so that a crash in between reports again and
// doesn't forget.
func (d Dir) Remove() error {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.Name() != "result.json" && e.Name() != "job.json" && e.Name() != "log" {
			err = errors.Join(err, removeAll(d.join(e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(string(d))
}

// removeAll is os.RemoveAll that makes directories writable where it has to.
func removeAll(path string) error {
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	_ = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() {
			_ = os.Chmod(p, 0o700) // RemoveAll below says what is wrong
		}
		return nil
	})
	return os.RemoveAll(path)
}
