package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/errandhq/errand/internal/durable"
)

// A Record is what was fetched into a folder, so that it may be replaced. It is a file
// that may be deleted: then files must be replaced by force once.
type Record struct {
	cache, path string

	mu    sync.Mutex
	Dir   string            `json:"dir"` // for people
	Files map[string]string `json:"files"`
}

// RecordsDir is where records are, in the cache directory.
const RecordsDir = "fetched"

// IsStale reports whether the folder of a record is gone.
func IsStale(path string) bool {
	var r Record
	if err := durable.ReadJSON(durable.OS, path, &r); err != nil || r.Dir == "" {
		return false
	}
	_, err := os.Stat(r.Dir)
	return errors.Is(err, fs.ErrNotExist)
}

// OpenRecord reads the record of a folder. A record that can't be read is empty.
func OpenRecord(cache, dir string) (*Record, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	sum := sha256.Sum256([]byte(dir))
	r := &Record{cache: cache, path: filepath.Join(cache, RecordsDir, hex.EncodeToString(sum[:16])+".json")}
	if err := durable.ReadJSON(durable.OS, r.path, r); err != nil && !errors.Is(err, fs.ErrNotExist) || r.Dir != dir {
		r.Files = nil
	}
	r.Dir = dir
	if r.Files == nil {
		r.Files = map[string]string{}
	}
	return r, nil
}

// Save writes the record.
func (r *Record) Save() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.MkdirAll(filepath.Dir(r.path), 0o700); err != nil {
		return fmt.Errorf("note what was fetched: %w", err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	temp := fmt.Sprintf("%s.%d.tmp", r.path, os.Getpid())
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return fmt.Errorf("note what was fetched: %w", err)
	}
	if err := os.Rename(temp, r.path); err != nil {
		return fmt.Errorf("note what was fetched: %w", errors.Join(err, os.Remove(temp)))
	}
	return nil
}

func (r *Record) get(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.Files[name]
}

func (r *Record) set(name, mark string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Files[name] = mark
}
