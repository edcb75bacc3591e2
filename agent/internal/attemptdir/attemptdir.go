// Package attemptdir is the layout of an attempt's directory. It lets a restarted
// agent report what an earlier process ran:
//
//	DATA/attempts/<job>-<attempt>/
//	  job.json     the assignment, written first
//	  source.zip   until it is unpacked
//	  work/        the commands' working directory
//	  home/        the commands' HOME, if the agent gives each job its own
//	  tmpdir       the path of the commands' TMPDIR
//	  tmp/         their TMPDIR, if the system's directory could not be used
//	  log          all frames of the log
//	  result.json  the outcome, durable before it is reported
package attemptdir

import (
	"crypto/rand"
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

// An Outcome is an attempt's result or failure, and the state of its log.
type Outcome struct {
	// Result has no log tail yet.
	Result errand.Result `json:"result"`
	// Reason and Error say why the attempt failed; empty if it completed.
	Reason errand.Reason `json:"reason,omitempty"`
	Error  string        `json:"error,omitempty"`
	// The log ends at End and is uploaded up to Sent. Trying is the end of a
	// chunk whose upload had started and may have arrived, so that it must be
	// sent again unchanged; equal to Sent if there is none.
	End    spool.Pos `json:"end"`
	Sent   spool.Pos `json:"sent"`
	Trying spool.Pos `json:"trying"`
}

// Create creates the directory of an assignment, durably. It replaces what an
// earlier process left of the same attempt.
func Create(data string, a *errand.Assignment) (Dir, error) {
	d := Dir(filepath.Join(root(data), a.JobID+"-"+strconv.Itoa(a.Attempt)))
	if err := d.create(a); err != nil {
		return d, fmt.Errorf("create the attempt's directory: %w", err)
	}
	return d, nil
}

func root(data string) string { return filepath.Join(data, "attempts") }

func (d Dir) create(a *errand.Assignment) error {
	if err := d.Remove(); err != nil {
		return err
	}
	if err := createRoot(filepath.Dir(string(d))); err != nil {
		return err
	}
	for _, dir := range []string{string(d), d.Work()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	if err := durable.WriteJSON(durable.OS, d.join("job.json"), a); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(string(d)))
}

// createRoot creates the directory of all attempts, durably, if it is missing.
func createRoot(root string) error {
	err := os.Mkdir(root, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(root))
}

// CheckWritable creates a directory like an attempt's, writes a megabyte into it
// and removes it.
func CheckWritable(data string) (err error) {
	if err := createRoot(root(data)); err != nil {
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
	_, err = f.Write(make([]byte, 1<<20))
	return errors.Join(err, f.Sync(), f.Close())
}

// List returns all attempts' directories.
func List(data string) ([]Dir, error) {
	entries, err := os.ReadDir(root(data))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the attempts: %w", err)
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

// Work is the commands' working directory.
func (d Dir) Work() string { return d.join("work") }

// Source is the archive's path until it is unpacked.
func (d Dir) Source() string { return d.join("source.zip") }

// Log is the log's path.
func (d Dir) Log() string { return d.join("log") }

// Assignment reads the attempt's assignment.
func (d Dir) Assignment() (*errand.Assignment, error) {
	var a errand.Assignment
	if err := durable.ReadJSON(durable.OS, d.join("job.json"), &a); err != nil {
		return nil, err
	}
	return &a, nil
}

// WriteOutcome makes the outcome durable.
func (d Dir) WriteOutcome(o *Outcome) error {
	return durable.WriteJSON(durable.OS, d.join("result.json"), o)
}

// Outcome reads the outcome. Errors: fs.ErrNotExist, if the attempt had not ended.
func (d Dir) Outcome() (*Outcome, error) {
	var o Outcome
	if err := durable.ReadJSON(durable.OS, d.join("result.json"), &o); err != nil {
		return nil, err
	}
	return &o, nil
}

// Remove removes the directory and TMPDIR, including what commands made read-only.
// It removes result.json last, so that after a crash in between the outcome is
// reported again rather than lost.
func (d Dir) Remove() error {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err = errors.Join(err, d.removeTemp())
	for _, e := range entries {
		if e.Name() != tempRecord && e.Name() != "result.json" && e.Name() != "job.json" && e.Name() != "log" {
			err = errors.Join(err, removeAll(d.join(e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(string(d))
}

// removeAll is os.RemoveAll, but also removes directories that aren't writable, and
// those that are nested deeper than the process may open files.
func removeAll(path string) error {
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	flatten(path) // RemoveAll says what is wrong
	return os.RemoveAll(path)
}

// flatten makes the directories below path writable, and moves each to the top, so
// that no path is longer than two elements.
func flatten(path string) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }() // opened for reading
	moved, unused := 0, rand.Text()
	for pending := []string{"."}; len(pending) > 0; {
		dir := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		_ = root.Chmod(dir, 0o700)
		entries, _ := fs.ReadDir(root.FS(), dir)
		for _, e := range entries {
			name := filepath.Join(dir, e.Name())
			if !e.IsDir() {
				_ = root.Remove(name)
				continue
			}
			_ = root.Chmod(name, 0o700) // a directory that isn't writable can't be moved
			to := fmt.Sprintf("%s-%d", unused, moved)
			moved++
			if root.Rename(name, to) == nil {
				pending = append(pending, to)
			}
		}
	}
}
