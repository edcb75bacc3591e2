// Package attemptdir is the layout of an attempt's directory. It lets a restarted
// agent go on where an earlier process was:
//
//	DATA/attempts/<job>-<attempt>/
//	  job.json        where TMPDIR and the working directory are, then the assignment, and who runs it; written first
//	  source.zip      until it is unpacked
//	  packs/          until they are unpacked, if the agent has no cache for them
//	  work/           the commands' working directory, unless it is elsewhere
//	  workspace       the name of the one in DATA/workspaces
//	  home/           the commands' HOME, if the agent gives each job its own
//	  tmp/            their TMPDIR, if the system's directory could not be used
//	  stages          the log until the commands begin, written by the agent
//	  log             all frames of the log, written by the supervisor and, behind what the outcome says, by the agent;
//	                  while it is missing, the commands have not begun
//	  sent            how far the log is uploaded, written by the agent
//	  artifacts.json  what the job gives back, written by the supervisor
//	  artifacts.sent  which of it is uploaded, written by the agent
//	  caches/         packs of the job's caches, written by the supervisor
//	  caches.json     which caches these are
//	  result.json     the outcome, durable before it is reported
package attemptdir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/origin"
	"github.com/errandhq/errand/internal/durable"
)

// A Dir is the directory of one attempt.
type Dir string

// Create creates the directory of an assignment. It replaces what an earlier process left
// of the same attempt. The end of this process can't lose it; that of the machine can, until
// Sync.
func Create(data string, a *errand.Assignment, slot int) (Dir, error) {
	d := Dir(filepath.Join(root(data), a.JobID+"-"+strconv.Itoa(a.Attempt)))
	if err := d.create(&Job{Assignment: *a, Slot: slot}); err != nil {
		return d, fmt.Errorf("create the attempt's directory: %w", err)
	}
	return d, nil
}

func root(data string) string { return filepath.Join(data, "attempts") }

func (d Dir) create(j *Job) error {
	kept, err := d.makeEmpty()
	if err != nil {
		return err
	}
	if err := mkdir(d.join("work"), spare(d.data(), j.Slot, spareWork), workMode); err != nil {
		return err
	}
	if err := d.letOthersEnter(); err != nil {
		return err
	}
	j.Origin = origin.Of(string(d))
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	b = append(places{}.line(), b...)
	if kept {
		return d.write("job.json", b)
	}
	return d.writeNew("job.json", b) // Job knows a part of it
}

// makeEmpty makes the directory, or empties it. kept says that it still has its job.json.
func (d Dir) makeEmpty() (kept bool, err error) {
	err = os.Mkdir(string(d), dirMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createRoot(filepath.Dir(string(d))); err != nil {
			return false, err
		}
		err = os.Mkdir(string(d), dirMode)
	}
	if !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	if kept, err := d.emptyNotBegun(); kept || err != nil {
		return kept, err
	}
	if err := d.Remove(); err != nil {
		return false, err
	}
	return false, os.Mkdir(string(d), dirMode)
}

// emptyNotBegun empties the directory of an attempt that has not begun, but for job.json:
// a process that ends here leaves an attempt that was received, which must not be lost.
// What there is of its log stays, as it may be uploaded. It reports whether the directory
// is one.
func (d Dir) emptyNotBegun() (bool, error) {
	root, err := os.OpenRoot(filepath.Dir(string(d)))
	if err != nil {
		return false, err
	}
	defer func() { _ = root.Close() }()
	name := filepath.Base(string(d))
	info, err := root.Lstat(name)
	if err != nil || !info.IsDir() {
		return false, err
	}
	if _, err := root.Lstat(filepath.Join(name, "log")); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	errs := []error{d.RemoveTemp(), d.removeWork(), removeContent(root, name, info)}
	for _, file := range last {
		if file == "job.json" || file == stagesFile || file == "sent" {
			continue
		}
		if err := root.Remove(filepath.Join(name, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return true, errors.Join(errs...)
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

// Name is the directory's name, which is the attempt's among the worker's.
func (d Dir) Name() string { return filepath.Base(string(d)) }
