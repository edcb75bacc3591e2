package attemptdir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/jobcache"
	"github.com/errandhq/errand/agent/internal/origin"
	"github.com/errandhq/errand/agent/internal/spool"
	"github.com/errandhq/errand/internal/durable"
)

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

// Job reads what is run here. Errors: fs.ErrNotExist, if the agent or the machine ended
// while the agent made or removed the directory, or the machine before Sync.
func (d Dir) Job() (*Job, error) {
	var j Job
	b, err := d.read("job.json")
	if err == nil {
		err = unmarshal("job.json", withoutPlaces(b), &j)
	}
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

func (d Dir) readJSON(name string, v any) error {
	b, err := d.read(name)
	if err != nil {
		return err
	}
	return unmarshal(name, b, v)
}

// read reads a file. After a power cut, one that was not synced may be empty or hold
// zeros, as if it had not been written.
func (d Dir) read(name string) ([]byte, error) {
	b, err := os.ReadFile(d.join(name))
	if err == nil && len(bytes.TrimLeft(b, "\x00")) == 0 {
		err = &fs.PathError{Op: "read", Path: d.join(name), Err: fs.ErrNotExist}
	}
	return b, err
}

func unmarshal(name string, b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
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
