package source

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const maxInt64 = math.MaxInt64

// Cache keeps packs for later jobs: Dir/<owner>/<sha256>. Its files may be removed or
// changed by anybody at any time. One process uses a directory.
type Cache struct {
	Dir string
	// MaxBytes is its size. It never takes more than a quarter of what the disk would
	// have free without it.
	MaxBytes int64

	bytes atomic.Int64 // as list last found

	mu   sync.Mutex
	busy map[string]chan struct{} // packs that are being opened, by path
}

func (c *Cache) path(owner, sha256 string) string {
	if owner == "" || !filepath.IsLocal(owner) || filepath.Base(owner) != owner {
		owner = "-"
	}
	return filepath.Join(c.Dir, owner, sha256)
}

// use makes a pack the one that was used last, and returns its size, if it is there.
func (c *Cache) use(owner, sha256 string) (size int64, ok bool) {
	now, path := time.Now(), c.path(owner, sha256)
	if os.Chtimes(path, now, now) != nil {
		return 0, false
	}
	if info, err := os.Lstat(path); err == nil {
		size = info.Size()
	}
	return size, true
}

func (c *Cache) open(owner, sha256 string) (*os.File, error) {
	f, err := os.Open(c.path(owner, sha256))
	if err != nil {
		return nil, fmt.Errorf("open a pack: %w", err)
	}
	return f, nil
}

func (c *Cache) remove(owner, sha256 string) {
	_ = os.Remove(c.path(owner, sha256)) // or it is replaced
}

// Adopt moves a pack that this machine made from a file into the cache. Its content is
// checked when it is used.
func (c *Cache) Adopt(owner, sha256, file string) error {
	defer c.lock(owner, sha256)()
	path := c.path(owner, sha256)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make room for packs: %w", err)
	}
	if err := os.Rename(file, path); err != nil {
		return fmt.Errorf("keep a pack: %w", err)
	}
	c.use(owner, sha256)
	c.trim(0)
	return nil
}

// put makes a pack that fetch writes to a file.
func (c *Cache) put(owner, sha256 string, fetch func(path string) error) error {
	path := c.path(owner, sha256)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make room for packs: %w", err)
	}
	part := path + partSuffix
	if err := fetch(part); err != nil {
		return errors.Join(err, removeIfThere(part))
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("keep a pack: %w", err)
	}
	return nil
}

const partSuffix = ".part"

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// lock waits until nobody else opens the pack, and returns how to unlock it.
func (c *Cache) lock(owner, sha256 string) (unlock func()) {
	path := c.path(owner, sha256)
	for {
		c.mu.Lock()
		other := c.busy[path]
		if other == nil {
			break
		}
		c.mu.Unlock()
		<-other
	}
	defer c.mu.Unlock()
	if c.busy == nil {
		c.busy = map[string]chan struct{}{}
	}
	mine := make(chan struct{})
	c.busy[path] = mine
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.busy, path)
		close(mine)
	}
}

// trim removes the packs that were not used for longest, until need bytes more fit.
func (c *Cache) trim(need int64) {
	files, used := c.list()
	limit := c.MaxBytes
	if free, err := DiskSpace(c.Dir); err == nil {
		limit = min(limit, (free+used)/4)
	}
	c.removeOldest(files, used-limit+min(need, limit))
}

// MakeRoom removes the packs that were not used for longest, until the disk has room for n
// bytes.
func (c *Cache) MakeRoom(n int64) {
	if free, err := DiskSpace(c.Dir); err == nil && free < n {
		files, _ := c.list()
		c.removeOldest(files, n-free)
	}
}

// Bytes is the size of the cache when it was last looked at.
func (c *Cache) Bytes() int64 { return c.bytes.Load() }

// removeOldest removes the files that were not used for longest, n bytes or more.
func (c *Cache) removeOldest(files []cached, n int64) {
	slices.SortFunc(files, func(a, b cached) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if n <= 0 {
			return
		}
		if os.Remove(f.path) == nil {
			n -= f.size
			c.bytes.Add(-f.size)
		}
	}
}

// cached is a file of the cache.
type cached struct {
	path string
	size int64
	used time.Time
}

// list returns the files that are not being made.
func (c *Cache) list() (files []cached, size int64) {
	_ = filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // what can't be listed is not there
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it has just been removed
		}
		size += info.Size()
		if filepath.Ext(path) != partSuffix {
			files = append(files, cached{path, info.Size(), info.ModTime()})
		}
		return nil
	})
	c.bytes.Store(size)
	return files, size
}

// OpenCache returns the cache in a directory, without what an earlier process left there
// unfinished. A size of 0 means no cache.
func OpenCache(dir string, maxBytes int64) *Cache {
	c := &Cache{Dir: dir, MaxBytes: maxBytes}
	parts, _ := filepath.Glob(filepath.Join(dir, "*", "*"+partSuffix))
	for _, p := range parts {
		_ = os.Remove(p) // it is made anew when it is needed
	}
	if maxBytes > 0 {
		c.list()
		return c
	}
	c.trim(0)
	return nil
}

func hashOf(r io.Reader) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, r)
	return hex.EncodeToString(sum.Sum(nil)), err
}
