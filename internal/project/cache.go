package project

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// racy is how long after a change a file may change again without a new time.
const racy = 2 * time.Second

// cacheAge is how long a cache file is kept that is not used.
const cacheAge = 30 * 24 * time.Hour

// Cache remembers what was computed from the files of one folder, by their times, sizes
// and inodes. It lies in a file that may be deleted at any time.
type Cache struct {
	name    string
	dir     string
	listed  time.Time
	changed bool
	old     cacheContent
	now     cacheContent
}

type cacheContent struct {
	Whole   []byte // see SetWhole
	State   []byte // see SetState
	Key     [sha256.Size]byte
	Entries map[string]cached // by path
}

type cached struct {
	Identity identity
	Value    []byte
}

// identity tells the content of a file from earlier ones of its name.
type identity struct {
	Size                int64
	ModTime, ChangeTime int64 // in ns since 1970
	Device, Inode       uint64
}

// OpenCache reads the selection's cache in the directory dir. What is missing or
// damaged is an empty cache.
func OpenCache(dir string, s *Selection) *Cache {
	sum := sha256.Sum256([]byte(s.folder))
	c := &Cache{dir: dir, name: filepath.Join(dir, hex.EncodeToString(sum[:16])), listed: s.listed}
	if b, err := os.ReadFile(c.name); err == nil {
		c.old = decodeCache(b)
	}
	c.now.Entries, c.now.State = make(map[string]cached, len(c.old.Entries)), c.old.State
	return c
}

func identityOf(e *Entry) identity {
	return identity{
		Size: e.Size, ModTime: e.ModTime.UnixNano(), ChangeTime: e.ID.ChangeTime.UnixNano(),
		Device: e.ID.Device, Inode: e.ID.Inode,
	}
}

// isSettled reports whether a change of the file after it was listed would be seen in
// its times.
func (e *Entry) isSettled(listed time.Time) bool {
	before := listed.Add(-racy)
	return e.at != (location{}) && e.ModTime.Before(before) && e.ID.ChangeTime.Before(before)
}

// Get returns what Put stored for the file, if it has not changed since.
func (c *Cache) Get(e *Entry) (value []byte, ok bool) {
	known, ok := c.old.Entries[e.Path]
	if !ok || known.Identity != identityOf(e) {
		return nil, false
	}
	c.now.Entries[e.Path] = known
	return known.Value, true
}

// Last returns what Put stored for the file of this name, whatever has changed since.
func (c *Cache) Last(e *Entry) []byte { return c.old.Entries[e.Path].Value }

// Put stores a value that was computed from the file. It does nothing if the file
// changed a moment before it was listed.
func (c *Cache) Put(e *Entry, value []byte) {
	if e.isSettled(c.listed) {
		c.now.Entries[e.Path] = cached{identityOf(e), value}
		c.changed = true
	}
}

// Whole returns what SetWhole stored, if nothing of the selection has changed since.
func (c *Cache) Whole(s *Selection) (value []byte, ok bool) {
	key, ok := s.key()
	if !ok || c.old.Whole == nil || key != c.old.Key {
		return nil, false
	}
	c.now.Key, c.now.Whole = key, c.old.Whole
	return c.old.Whole, true
}

// SetWhole stores a value that was computed from the whole selection. It does nothing if
// a file changed a moment before it was listed.
func (c *Cache) SetWhole(s *Selection, value []byte) {
	if key, ok := s.key(); ok {
		c.now.Key, c.now.Whole, c.changed = key, value, true
	}
}

// State returns what SetState stored, whatever has changed since.
func (c *Cache) State() []byte { return c.old.State }

// SetState stores a value about the folder.
func (c *Cache) SetState(state []byte) { c.now.State, c.changed = state, true }

// key identifies the state of all entries.
func (s *Selection) key() (key [sha256.Size]byte, ok bool) {
	h := sha256.New()
	text := func(v string) {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(v)))) // a hash's writes don't fail
		_, _ = io.WriteString(h, v)
	}
	var b []byte
	for i := range s.Entries {
		e := &s.Entries[i]
		text(e.Path)
		text(e.Target)
		text(string(e.content))
		id := identity{}
		if e.Kind == File && e.at != (location{}) {
			if !e.isSettled(s.listed) {
				return key, false
			}
			id = identityOf(e)
		}
		b = b[:0]
		for _, n := range []uint64{uint64(e.Kind), uint64(e.Mode), uint64(id.Size), uint64(id.ModTime), uint64(id.ChangeTime), id.Device, id.Inode} {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		_, _ = h.Write(b)
	}
	h.Sum(key[:0])
	return key, true
}

// Save writes what was stored and what was got, and removes the caches of folders that
// were not sent for long.
func (c *Cache) Save() error {
	if !c.changed && len(c.now.Entries) == len(c.old.Entries) {
		now := time.Now()
		_ = os.Chtimes(c.name, now, now) // it is used
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	c.removeOld()
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(c.now.encode())
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.name) // if a crash loses its content, the sum tells
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (c *Cache) removeOld() {
	files, _ := os.ReadDir(c.dir) // only cleaning up
	for _, f := range files {
		if info, err := f.Info(); err == nil && time.Since(info.ModTime()) > cacheAge {
			_ = os.Remove(filepath.Join(c.dir, f.Name()))
		}
	}
}
