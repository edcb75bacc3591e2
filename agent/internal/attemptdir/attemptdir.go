// Package attemptdir is the layout of an attempt's directory. It lets a restarted
// agent go on where an earlier process was:
//
//	DATA/attempts/<job>-<attempt>/
//	  job.json        the assignment, and who runs it; written first
//	  source.zip      until it is unpacked
//	  packs/          until they are unpacked, if the agent has no cache for them
//	  work/           the commands' working directory, unless it is elsewhere
//	  workdir         the name of the directory in DATA/work
//	  workspace       the name of the one in DATA/workspaces
//	  home/           the commands' HOME, if the agent gives each job its own
//	  tmpdir          the path of the commands' TMPDIR
//	  tmp/            their TMPDIR, if the system's directory could not be used
//	  stages          the log until the commands begin, written by the agent
//	  log             all frames of the log, written by the supervisor; while it is missing, the commands have not begun
//	  sent            how far the log is uploaded, written by the agent
//	  artifacts.json  what the job gives back, written by the supervisor
//	  artifacts.sent  which of it is uploaded, written by the agent
//	  caches/         packs of the job's caches, written by the supervisor
//	  caches.json     which caches these are
//	  result.json     the outcome, durable before it is reported
package attemptdir

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/jobcache"
	"github.com/errandhq/errand/agent/internal/origin"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/internal/durable"
)

// A Dir is the directory of one attempt.
type Dir string

// A Job is the attempt and who runs it.
type Job struct {
	errand.Assignment
	// Slot is the number of the agent's slot, and so of the supervisor.
	Slot   int           `json:"slot"`
	Origin origin.Origin `json:"origin"`
}

// An Outcome is an attempt's result or failure, and the state of its log.
type Outcome struct {
	// Result has no log tail yet.
	Result errand.Result `json:"result"`
	// Reason and Error say why the attempt failed; empty if it completed.
	Reason errand.Reason `json:"reason,omitempty"`
	Error  string        `json:"error,omitempty"`
	End    spool.Pos     `json:"end"` // of the log
	Times  *Times        `json:"times,omitempty"`
}

// Times are for the attempt's trace; nil if there is none.
type Times struct {
	Begun []time.Time `json:"begun"` // each command
	Ended time.Time   `json:"ended"` // all commands
}

// Progress is how far a log is uploaded. Trying is the end of a chunk whose upload
// had started and may have arrived, so that it must be sent again unchanged; equal to
// Sent if there is none.
type Progress struct {
	Sent, Trying spool.Pos
}

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
	if err := os.Mkdir(d.join("work"), workMode); err != nil {
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

// write replaces a file. The end of this process leaves the old one or the new one.
func (d Dir) write(name string, data []byte) error {
	temp := d.join(name + ".tmp")
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return os.Rename(temp, d.join(name))
}

// writeNew writes a file that doesn't exist. The end of this process may leave a part of it.
func (d Dir) writeNew(name string, data []byte) error {
	return os.WriteFile(d.join(name), data, 0o600)
}

// Sync makes what was written so far durable against the end of the machine. It returns
// nil if the directory is gone.
func (d Dir) Sync() error {
	for _, name := range []string{"job.json", stagesFile, "log", "result.json"} {
		if err := syncFile(d.join(name)); err != nil {
			return err
		}
	}
	for _, dir := range []string{string(d), filepath.Dir(string(d))} {
		if err := durable.SyncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncFile syncs a file that this process or another has written, unless it is missing.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// letOthersEnter lets the commands of a job that runs as root give up their rights and
// still work in their directory. Others can list none of the directories above it, and
// the files in those are the owner's alone.
func (d Dir) letOthersEnter() error {
	if !isRoot {
		return nil
	}
	root := filepath.Dir(string(d))
	return errors.Join(setMode(d.join("work"), workMode), setMode(string(d), dirMode), setMode(root, dirMode), setMode(filepath.Dir(root), dirMode))
}

var isRoot = os.Geteuid() == 0

// The modes of working directories, and of those above them.
var (
	workMode = modeFor(0o755)
	dirMode  = modeFor(0o711)
)

func modeFor(root fs.FileMode) fs.FileMode {
	if isRoot {
		return root
	}
	return 0o700
}

// setMode changes the mode of a directory, unless it has it: most do, and a change is a
// write.
func setMode(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() == mode {
		return err
	}
	return os.Chmod(path, mode)
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

// Log is the log's path.
func (d Dir) Log() string { return d.join("log") }

const stagesFile = "stages"

// Stages is the path of what the log begins with, if there is anything.
func (d Dir) Stages() string { return d.join(stagesFile) }

// BeginLog creates the log, which tells every later process that the commands may have
// begun. It appears with all that it begins with: some of that may be uploaded.
func (d Dir) BeginLog(now func() time.Time) (*spool.Spool, error) {
	b, err := os.ReadFile(d.Stages())
	if errors.Is(err, fs.ErrNotExist) {
		return spool.Create(d.Log(), now)
	}
	if err == nil {
		err = d.write("log", b)
	}
	if err != nil {
		return nil, fmt.Errorf("create the log: %w", err)
	}
	return spool.Append(d.Log(), now)
}

// OpenLog opens what there is of the log. Errors: fs.ErrNotExist.
func (d Dir) OpenLog() (*spool.Reader, error) {
	r, err := spool.Open(d.Log())
	if errors.Is(err, fs.ErrNotExist) {
		return spool.Open(d.Stages())
	}
	return r, err
}

// Job reads what is run here. Errors: fs.ErrNotExist, if the agent or the machine ended
// while the agent made or removed the directory, or the machine before Sync.
func (d Dir) Job() (*Job, error) {
	var j Job
	err := d.readJSON("job.json", &j)
	if err == nil {
		return &j, nil
	}
	if _, logErr := os.Lstat(d.Log()); errors.Is(logErr, fs.ErrNotExist) && !errors.As(err, new(*fs.PathError)) {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err) // written in part, before the commands began
	}
	return nil, err
}

// Began is about when the attempt began; now, if that isn't known.
func (d Dir) Began(now time.Time) time.Time {
	info, err := os.Lstat(d.join("job.json"))
	if err != nil {
		return now
	}
	return info.ModTime()
}

// Artifacts is the path of the list of what the job gives back.
func (d Dir) Artifacts() string { return d.join("artifacts.json") }

// ArtifactsSent is the path of the notes on what of it is uploaded.
func (d Dir) ArtifactsSent() string { return d.join("artifacts.sent") }

// CachePacks is the directory of the packs of a cache that the job leaves.
func (d Dir) CachePacks(number int) string {
	return filepath.Join(d.join("caches"), strconv.Itoa(number))
}

// WriteCaches notes which caches the job leaves.
func (d Dir) WriteCaches(all []*jobcache.Packed) error {
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return d.write("caches.json", b)
}

// Caches reads which caches the job leaves; none if that isn't known.
func (d Dir) Caches() (all []*jobcache.Packed) {
	if d.readJSON("caches.json", &all) != nil {
		return nil
	}
	return all
}

// readJSON reads a file. After a power cut, one that was not synced may be empty or hold
// zeros, as if it had not been written.
func (d Dir) readJSON(name string, v any) error {
	b, err := os.ReadFile(d.join(name))
	if err != nil {
		return err
	}
	if len(bytes.TrimLeft(b, "\x00")) == 0 {
		return &fs.PathError{Op: "read", Path: d.join(name), Err: fs.ErrNotExist}
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

const progressFormat = "%020d %020d %020d %020d\n"

// WriteProgress notes how far the log is uploaded. It survives the end of this process,
// and may not survive that of the machine.
func (d Dir) WriteProgress(p Progress) error {
	f, err := os.OpenFile(d.join("sent"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, progressFormat, p.Sent.File, p.Sent.Log, p.Trying.File, p.Trying.Log) // one write: all or nothing
	return errors.Join(err, f.Close())
}

// Progress returns how far the log is uploaded; not at all if that isn't known.
func (d Dir) Progress() Progress {
	var p Progress
	b, err := os.ReadFile(d.join("sent"))
	if err == nil {
		_, err = fmt.Sscanf(string(b), progressFormat, &p.Sent.File, &p.Sent.Log, &p.Trying.File, &p.Trying.Log)
	}
	if err != nil {
		return Progress{}
	}
	return p
}

// WriteOutcome writes the outcome. The end of this process can't lose it; that of the
// machine can, until Sync.
func (d Dir) WriteOutcome(o *Outcome) error {
	if d == "" {
		return errors.New("write the outcome: the attempt has no directory")
	}
	b, err := json.Marshal(o)
	if err == nil {
		err = d.write("result.json", b)
	}
	if err != nil {
		return fmt.Errorf("write the outcome: %w", err)
	}
	return nil
}

// Outcome reads the outcome. Errors: fs.ErrNotExist, if the attempt had not ended.
func (d Dir) Outcome() (*Outcome, error) {
	var o Outcome
	if err := d.readJSON("result.json", &o); err != nil {
		return nil, err
	}
	return &o, nil
}

// last are removed last, so that after a crash in between the outcome is reported
// again rather than lost.
var last = []string{tempRecord, workRecord, workspaceRecord, "artifacts.json", "result.json", "job.json", stagesFile, "log", "sent"}

// Remove removes the directory and TMPDIR, including what commands made read-only. It
// never follows a symbolic link: commands may have put one in the directory's place.
func (d Dir) Remove() error {
	if d == "" { // of an attempt that got none; its base would be the process's own directory
		return nil
	}
	root, err := os.OpenRoot(filepath.Dir(string(d)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	name := filepath.Base(string(d))
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return root.Remove(name)
	}
	if err := errors.Join(d.RemoveTemp(), d.removeWork(), removeContent(root, name, info)); err != nil {
		return err
	}
	return root.RemoveAll(name)
}

// removeContent removes all but the last entries of a directory.
func removeContent(root *os.Root, name string, info fs.FileInfo) error {
	dir, err := root.OpenRoot(name)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if opened, err := dir.Stat("."); err != nil || !os.SameFile(info, opened) {
		return errors.Join(err, fmt.Errorf("%s was replaced while it was removed", name))
	}
	names, err := namesIn(dir)
	for _, n := range names {
		if !slices.Contains(last, n) {
			err = errors.Join(err, removeAll(dir, n))
		}
	}
	return err
}

// namesIn lists a directory, without a look at each entry.
func namesIn(root *os.Root) ([]string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading
	return f.Readdirnames(-1)
}

// removeAll is RemoveAll, but also removes directories that aren't writable, and those
// that are nested deeper than the process may open files.
func removeAll(root *os.Root, name string) error {
	if err := root.RemoveAll(name); err == nil {
		return nil
	}
	flatten(root, name) // RemoveAll says what is wrong
	return root.RemoveAll(name)
}

// flatten makes the directories below name writable, and moves each to the top, so
// that no path is longer than two elements.
func flatten(parent *os.Root, name string) {
	_ = parent.Chmod(name, 0o700)
	root, err := parent.OpenRoot(name)
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
