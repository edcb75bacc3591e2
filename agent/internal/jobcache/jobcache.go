// Package jobcache packs the files of a job's caches into manifests, and puts them back.
//
// Neither the job, which has written the files, nor a cache is trusted: everything happens
// below the job's folder or its HOME, and no link is followed out of them. A path that
// exists is left as it is.
package jobcache

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/agent/internal/artifact"
	"github.com/errandhq/errand/internal/meter"
)

// Dirs are the directories that paths of caches are below.
type Dirs struct {
	Work string `json:"work"`
	Home string `json:"home"`
}

// open opens the directory that a path of a cache is below, and returns the rest.
func (d Dirs) open(p string) (root *os.Root, rel string, err error) {
	rel, isHome := errand.CachePath(p)
	dir := d.Work
	if isHome {
		dir = d.Home
	}
	if dir == "" {
		return nil, "", errors.New("the job has no HOME")
	}
	root, err = os.OpenRoot(dir)
	return root, rel, err
}

// Keys returns the key and the prefixes of a cache, for the files in the job's folder.
func Keys(work string, c *errand.Cache) (key string, prefixes []string, err error) {
	root, err := os.OpenRoot(work)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = root.Close() }() // opened for reading
	sum := func(name string) ([sha256.Size]byte, error) { return sumFile(root, name) }
	all := append([]string{c.Key}, c.Prefixes...)
	for i, text := range all {
		k, err := errand.ParseCacheKey(text)
		if err == nil {
			all[i], err = k.Expand(sum)
		}
		if err != nil {
			return "", nil, err
		}
	}
	return all[0], all[1:], nil
}

// maxSumBytes bounds a file whose checksum is part of a key: a lock file is smaller.
const maxSumBytes = 256 << 20

func sumFile(root *os.Root, name string) (sum [sha256.Size]byte, err error) {
	f, err := root.OpenFile(name, os.O_RDONLY|artifact.NonBlocking, 0)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return sum, fmt.Errorf("checksum of %q: %w", name, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxSumBytes {
		return sum, errors.Join(err, fmt.Errorf("checksum of %q: it is not a file of at most %d bytes", name, maxSumBytes))
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, maxSumBytes)); err != nil {
		return sum, fmt.Errorf("checksum of %q: %w", name, err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// entryName is the name of the cache's path i in its manifest.
func entryName(i int) string { return fmt.Sprintf("%02d", i) }

// splitPath returns the directory of a path, and its name there.
func splitPath(rel string) (dir, name string) { return path.Dir(rel), path.Base(rel) }

// Title is a key for people: long checksums are cut.
func Title(key string) string {
	return longHex.ReplaceAllStringFunc(key, func(hash string) string { return hash[:10] + "…" })
}

var longHex = regexp.MustCompile(`[0-9a-f]{64}`)

// Contents says how much something has, for people.
func Contents(files int, bytes int64) string {
	if files == 1 {
		return meter.SizeText(bytes) + " in 1 file"
	}
	return fmt.Sprintf("%s in %d files", meter.SizeText(bytes), files)
}
