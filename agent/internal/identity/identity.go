// Package identity keeps a worker's ID and token in the agent's data directory,
// and locks that directory.
package identity

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/durable"
)

// ErrInUse: another agent has locked the data directory.
var ErrInUse = errors.New("another agent uses this data directory; give each agent its own with --data")

// An Identity is a worker's ID and token. It holds the lock until Close.
type Identity struct {
	WorkerID string `json:"workerId"`
	Token    string `json:"token"`
	// Replace says that the ID was chosen by the agent's owner and may be known to
	// the server with the token of an earlier data directory.
	Replace bool `json:"replace,omitempty"`

	path string
	lock *flock.Flock
}

// An agent that is killed while it starts a supervisor leaves a process that has the
// lock until it becomes the supervisor.
const (
	lockPatience = time.Second
	lockRetry    = 20 * time.Millisecond
)

// Open locks the data directory and reads the identity in it. It creates what is
// missing; workerID is the ID of a new identity, by default a random one. It fails if
// the directory has another ID than workerID. A new identity is durable before anything is registered with it, so
// that a registration can be repeated when its response is lost. Errors: ErrInUse.
func Open(dir, workerID string) (*Identity, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	_, err := lock.TryLockContext(ctx, lockRetry)
	if errors.Is(err, context.DeadlineExceeded) {
		err = ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	id := &Identity{lock: lock, path: filepath.Join(dir, "identity.json")}
	if err := id.load(workerID); err != nil {
		id.Close()
		return nil, err
	}
	return id, nil
}

func (id *Identity) load(workerID string) error {
	b, err := durable.OS.ReadFile(id.path)
	if err == nil {
		err = id.parse(b)
		if err == nil && workerID != "" && workerID != id.WorkerID {
			return fmt.Errorf("the data directory belongs to the worker %s; use another one for the worker %s, or move %s away", id.WorkerID, workerID, id.path)
		}
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the worker's identity: %w", err)
	}
	id.WorkerID, id.Replace = workerID, workerID != ""
	if workerID == "" {
		id.WorkerID = "w-" + strings.ToLower(rand.Text())
	}
	id.Token = errand.NewToken(errand.RoleWorker, id.WorkerID)
	return id.write()
}

func (id *Identity) write() error { return durable.WriteJSON(durable.OS, id.path, id) }

// SetRegistered notes that the server knows the token. From now on, this agent
// replaces no other that gets the same ID.
func (id *Identity) SetRegistered() error {
	if !id.Replace {
		return nil
	}
	id.Replace = false
	return id.write()
}

// parse reads the file's content. A token that isn't whole is refused here: the
// server would take it for another worker's.
func (id *Identity) parse(content []byte) error {
	err := json.Unmarshal(content, id)
	worker, ok := errand.WorkerOfToken(id.Token)
	if err == nil && ok && worker == id.WorkerID {
		return nil
	}
	return fmt.Errorf("%s is damaged: it does not contain a worker's ID and its token; restore it, or move it away to register as a new worker", id.path)
}

// Close unlocks the directory.
func (id *Identity) Close() { _ = id.lock.Close() } // the process's end would do the same
