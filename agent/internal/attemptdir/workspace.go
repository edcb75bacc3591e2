package attemptdir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/manifest"
)

// A workspace is a working directory that stays for later jobs of the same owner, queue
// and name. While a job has it, another job gets a copy of its own, of the next number:
//
//	DATA/workspaces/<hash>-<n>/
//	  work/       the commands' working directory
//	  state       what was sent of it; none while that is being changed
//	  about.json  whose it is, and when a job used it last
//
// An attempt has the one that the file "workspace" of its directory names.
const (
	workspaceRecord = "workspace"
	stateFile       = "state"
	aboutFile       = "about.json"
	removedPrefix   = ".removed-"
)

var workspaceRE = regexp.MustCompile(`^[0-9a-f]{32}-[0-9]{1,4}$`)

// WorkspaceKey says whose a workspace is.
type WorkspaceKey struct {
	Owner string `json:"owner"`
	Queue string `json:"queue"`
	Name  string `json:"name"`
}

// WorkspaceInfo describes a workspace.
type WorkspaceInfo struct {
	WorkspaceKey
	ID    string    `json:"-"`     // the name of its directory
	Bytes int64     `json:"bytes"` // as last measured
	Used  time.Time `json:"used"`  // last
	InUse bool      `json:"-"`

	Measured time.Time `json:"measured,omitzero"` // last
	Free     int64     `json:"free,omitzero"`     // bytes of the disk, then
}

// Workspaces are those of an agent's data directory.
type Workspaces struct{ Data string }

func (w Workspaces) dir() string { return filepath.Join(w.Data, "workspaces") }

// lock waits until no other process chooses or removes workspaces.
func (w Workspaces) lock() (unlock func(), err error) {
	if err := os.Mkdir(w.dir(), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	l := flock.New(filepath.Join(w.dir(), ".lock"))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("lock the workspaces: %w", err)
	}
	return func() { _ = l.Close() }, nil
}

// used are the IDs of the workspaces that attempts have.
func (w Workspaces) used() (map[string]bool, error) {
	dirs, err := List(w.Data)
	used := map[string]bool{}
	for _, d := range dirs {
		used[d.Workspace()] = true
	}
	return used, err
}

// Workspace is the ID of the attempt's workspace; empty if it has none.
func (d Dir) Workspace() string {
	if d == "" { // of an attempt that got none
		return ""
	}
	id, err := os.ReadFile(d.join(workspaceRecord))
	if err != nil || !workspaceRE.Match(id) {
		return ""
	}
	return string(id)
}

// TakeWorkspace makes the working directory that of a workspace which no other attempt
// has.
func (d Dir) TakeWorkspace(k WorkspaceKey) error {
	w := Workspaces{d.data()}
	unlock, err := w.lock()
	if err != nil {
		return err
	}
	defer unlock()
	used, err := w.used()
	if err != nil {
		return err
	}
	n := 0
	for used[k.id(n)] {
		n++
	}
	if err := d.write(workspaceRecord, []byte(k.id(n))); err != nil {
		return err
	}
	return os.Remove(d.join("work"))
}

func (k WorkspaceKey) id(n int) string {
	return hashOf([]string{k.Owner, k.Queue, k.Name})[:32] + "-" + strconv.Itoa(n)
}

// LeaveWorkspace lets another attempt have the workspace, which was used last now.
func (d Dir) LeaveWorkspace(now time.Time) error {
	id := d.Workspace()
	if id == "" {
		return nil
	}
	_ = Workspaces{d.data()}.use(id, now) // or it counts as older
	return os.Remove(d.join(workspaceRecord))
}

// Workspace is an attempt's while its files are changed.
type Workspace struct {
	Work   *os.Root
	Placed map[string]manifest.Placed // what was sent of Work
	// WasKept says that an earlier job has left the files. Otherwise it is empty, and
	// WasTorn says that it isn't new: its last change was interrupted.
	WasKept, WasTorn bool
	Copy             int // counted from 1

	root *os.Root
	path string // of root
}

// OpenWorkspace opens the attempt's workspace, and makes it empty if clean says so or its
// last change was interrupted.
func (d Dir) OpenWorkspace(k WorkspaceKey, clean bool, now time.Time) (*Workspace, error) {
	id := d.Workspace()
	all := Workspaces{d.data()}.dir()
	root, err := openDir(all, id)
	if err != nil {
		return nil, fmt.Errorf("open the workspace: %w", err)
	}
	w := &Workspace{root: root, path: filepath.Join(all, id)}
	w.Copy, _ = strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	w.Copy++
	if err := w.open(k, clean, now); err != nil {
		return nil, errors.Join(fmt.Errorf("open the workspace: %w", err), root.Close())
	}
	return w, nil
}

func (w *Workspace) open(k WorkspaceKey, clean bool, now time.Time) error {
	placed, err := w.read()
	if err == nil && !clean {
		w.Placed, w.WasKept = placed, true
	}
	if !w.WasKept {
		if err := w.Begin(); err != nil {
			return err
		}
		_, statErr := w.root.Lstat("work")
		w.WasTorn = statErr == nil && !clean
		if err := removeAll(w.root, "work"); err != nil {
			return err
		}
	}
	if about, err := readAbout(w.root); err != nil || about.WorkspaceKey != k {
		if err := writeAbout(w.root, WorkspaceInfo{WorkspaceKey: k, Used: now}); err != nil {
			return err
		}
	}
	w.Work, err = subDir(w.root, "work")
	if err == nil && os.Geteuid() == 0 { // see letOthersEnter
		err = errors.Join(os.Chmod(filepath.Dir(w.path), 0o711), w.root.Chmod(".", 0o711), w.Work.Chmod(".", 0o755))
	}
	return err
}

// Begin begins a change. Until Save, the workspace is worth nothing to the next job.
func (w *Workspace) Begin() error {
	if err := removeAll(w.root, stateFile); err != nil {
		return err
	}
	return durable.SyncDir(w.path)
}

// maxStateBytes is enough for the most entries of a folder. A job can write the file.
const maxStateBytes = 256 << 20

// read reads the state. Errors: there is none.
func (w *Workspace) read() (placed map[string]manifest.Placed, err error) {
	b, err := readFile(w.root, stateFile, maxStateBytes)
	if err != nil {
		return nil, err
	}
	return manifest.DecodePlaced(b)
}

// Save ends the change: from now on, the files are Placed, and what was there.
func (w *Workspace) Save() error {
	return writeFile(w.root, stateFile, manifest.EncodePlaced(w.Placed))
}

// Close closes the workspace, which stays the attempt's.
func (w *Workspace) Close() {
	_ = w.Work.Close() // opened for their names
	_ = w.root.Close()
}

// List describes the workspaces.
func (w Workspaces) List() ([]WorkspaceInfo, error) {
	used, err := w.used()
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(w.dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	var all []WorkspaceInfo
	for _, e := range entries {
		if !e.IsDir() || !workspaceRE.MatchString(e.Name()) {
			continue
		}
		i := WorkspaceInfo{}
		if dir, err := root.OpenRoot(e.Name()); err == nil {
			i, _ = readAbout(dir) // else it is as old as it can be
			_ = dir.Close()
		}
		i.ID, i.InUse = e.Name(), used[e.Name()]
		all = append(all, i)
	}
	return all, err
}

// Remove removes the workspaces that no attempt has and which says so, and returns them.
func (w Workspaces) Remove(which func(WorkspaceInfo) bool) (removed []WorkspaceInfo, err error) {
	if _, err := os.Lstat(w.dir()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	root, err := w.retire(func(i WorkspaceInfo) bool {
		if i.InUse || !which(i) {
			return false
		}
		removed = append(removed, i)
		return true
	})
	if err != nil {
		return removed, err
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), ".")
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), removedPrefix) {
			err = errors.Join(err, removeAll(root, e.Name()))
		}
	}
	return removed, err
}

// retire gives workspaces names by which no job gets them. It returns the directory of
// all.
func (w Workspaces) retire(which func(WorkspaceInfo) bool) (*os.Root, error) {
	unlock, err := w.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	all, err := w.List()
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(w.dir())
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if which(i) {
			if err := root.Rename(i.ID, removedPrefix+i.ID+"-"+strconv.FormatInt(time.Now().UnixNano(), 36)); err != nil {
				return nil, errors.Join(err, root.Close())
			}
		}
	}
	return root, nil
}

// Measure notes how large a workspace is, unless it was measured since a time when the disk had
// about as many bytes free as now.
func (w Workspaces) Measure(id string, since, now time.Time, free int64) error {
	root, about, err := w.about(id)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if d := about.Free - free; about.Measured.After(since) && -sameFree < d && d < sameFree {
		return nil
	}
	about.Bytes, about.Measured, about.Free = sizeOf(root), now, free
	return writeAbout(root, about)
}

// sameFree is less than what matters to a disk that jobs share.
const sameFree = 64 << 20

// Size returns how large a workspace is now.
func (w Workspaces) Size(id string) int64 {
	root, err := os.OpenRoot(filepath.Join(w.dir(), id))
	if err != nil {
		return 0
	}
	defer func() { _ = root.Close() }()
	return sizeOf(root)
}

func sizeOf(root *os.Root) (n int64) {
	_ = fs.WalkDir(root.FS(), ".", func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // what can't be listed is not there
		}
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// use notes when a workspace was used last.
func (w Workspaces) use(id string, now time.Time) error {
	root, about, err := w.about(id)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	about.Used = now
	return writeAbout(root, about)
}

// about opens a workspace, and returns what is known of it.
func (w Workspaces) about(id string) (*os.Root, WorkspaceInfo, error) {
	root, err := os.OpenRoot(filepath.Join(w.dir(), id))
	if err != nil {
		return nil, WorkspaceInfo{}, err
	}
	about, err := readAbout(root)
	if err != nil {
		return nil, about, errors.Join(err, root.Close())
	}
	return root, about, nil
}

func readAbout(root *os.Root) (i WorkspaceInfo, err error) {
	b, err := readFile(root, aboutFile, 64<<10)
	if err != nil {
		return i, err
	}
	return i, json.Unmarshal(b, &i)
}

func writeAbout(root *os.Root, i WorkspaceInfo) error {
	b, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return writeFile(root, aboutFile, b)
}

// readFile reads a file that a job may have replaced by anything.
func readFile(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", name, limit)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	_, err = b.ReadFrom(io.LimitReader(f, limit))
	return b.Bytes(), err
}

// writeFile replaces a file. The end of this process leaves the old one or the new one.
func writeFile(root *os.Root, name string, b []byte) error {
	temp := name + ".tmp"
	if err := removeAll(root, temp); err != nil {
		return err
	}
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return root.Rename(temp, name)
}

// openDir opens a directory of a directory, which it creates if needed, and no link.
func openDir(parent, name string) (*os.Root, error) {
	root, err := os.OpenRoot(parent)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return subDir(root, name)
}

func subDir(root *os.Root, name string) (*os.Root, error) {
	info, err := root.Lstat(name)
	if err == nil && !info.IsDir() { // a job has put it there
		err = root.Remove(name)
		if err == nil {
			err = fs.ErrNotExist
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err = root.Mkdir(name, 0o700); err == nil {
			info, err = root.Lstat(name)
		}
	}
	if err != nil {
		return nil, err
	}
	dir, err := root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if opened, err := dir.Stat("."); err != nil || !os.SameFile(info, opened) {
		return nil, errors.Join(err, fmt.Errorf("%s was replaced while it was opened", name), dir.Close())
	}
	return dir, nil
}
