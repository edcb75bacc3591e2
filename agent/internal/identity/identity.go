// Package identity keeps a worker's ID and token in the agent's data directory,
// and locks that directory.
package identity

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/durable"
)

// ErrInUse: another agent has locked the data directory.
var ErrInUse = errors.New("another agent uses this data directory; give each agent its own")

// An Identity is a worker's ID and token. It holds the lock until Close.
type Identity struct {
	WorkerID string `json:"workerId"`
	Token    string `json:"token"`
	lock     *flock.Flock
}

// Open locks the data directory and reads the identity in it. It creates what is
// missing. A new identity is durable before anything is registered with it, so
// that a registration can be repeated when its response is lost. Errors: ErrInUse.
func Open(dir string) (*Identity, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data directory: %w", err)
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	locked, err := lock.TryLock()
	if err == nil && !locked {
		err = ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	id := &Identity{lock: lock}
	if err := id.load(filepath.Join(dir, "identity.json")); err != nil {
		id.Close()
		return nil, err
	}
	return id, nil
}

func (id *Identity) load(path string) error {
	b, err := durable.OS.ReadFile(path)
	if err == nil {
		return id.parse(path, b)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the worker's identity: %w", err)
	}
	id.WorkerID = "w-" + strings.ToLower(rand.Text())
	id.Token = errand.NewToken(errand.RoleWorker, id.WorkerID)
	return durable.WriteJSON(durable.OS, path, id)
}

// parse reads the file's content. A token that isn't whole is refused here: the
// server would take it for another worker's.
func (id *Identity) parse(path string, content []byte) error {
	err := json.Unmarshal(content, id)
	worker, ok := errand.WorkerOfToken(id.Token)
	if err == nil && ok && worker == id.WorkerID {
		return nil
	}
	return fmt.Errorf("%s is damaged: it does not contain a worker's ID and its token; restore it, or move it away to register as a new worker", path)
}

// Close unlocks the directory.
func (id *Identity) Close() { _ = id.lock.Close() } // the process's end would do the same
