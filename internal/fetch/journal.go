package fetch

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// A journal names the temporary files of one Fetch, each before it is made, so that what a
// killed process has left is removed. Its file is locked while the process lives.
type journal struct {
	path string
	lock *flock.Flock

	mu  sync.Mutex
	out *os.File
}

const journalSuffix = ".parts"

// openJournal begins a journal for a folder, in the directory of records.
func openJournal(records, dir string) (*journal, error) {
	if err := os.MkdirAll(records, 0o700); err != nil {
		return nil, fmt.Errorf("note what is fetched: %w", err)
	}
	j := &journal{path: filepath.Join(records, rand.Text()+journalSuffix)}
	j.lock = flock.New(j.path + ".lock")
	if _, err := j.lock.TryLock(); err != nil {
		return nil, fmt.Errorf("note what is fetched: %w", err)
	}
	var err error
	if j.out, err = os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("note what is fetched: %w", err), j.lock.Close(), os.Remove(j.path+".lock"))
	}
	if err := j.add(dir); err != nil {
		j.end()
		return nil, err
	}
	return j, nil
}

// add adds a line: the folder first, then the path of each temporary file in it.
func (j *journal) add(text string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	b, err := json.Marshal(text)
	if err == nil {
		_, err = j.out.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("note what is fetched: %w", err)
	}
	return nil
}

// end removes the journal: its Fetch has removed the temporary files.
func (j *journal) end() {
	_ = errors.Join(j.out.Close(), os.Remove(j.path), j.lock.Close(), os.Remove(j.path+".lock")) // or RemoveLeft does
}

// RemoveLeft removes the temporary files of processes that were killed while they fetched,
// as the journals in the cache directory name them.
func RemoveLeft(cache string) {
	names, _ := filepath.Glob(filepath.Join(cache, RecordsDir, "*"+journalSuffix))
	for _, name := range names {
		lock := flock.New(name + ".lock")
		if ok, err := lock.TryLock(); err != nil || !ok {
			continue // it is being fetched
		}
		removeNamed(name)
		_ = errors.Join(os.Remove(name), lock.Close(), os.Remove(name+".lock")) // the next time
	}
}

// removeNamed removes the files that a journal names.
func removeNamed(journal string) {
	b, err := os.ReadFile(journal)
	if err != nil {
		return
	}
	var root *os.Root
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var text string
		if json.Unmarshal(lines.Bytes(), &text) != nil {
			return // of a line that was not finished, no file was made
		}
		if root == nil {
			if root, err = os.OpenRoot(text); err != nil {
				return
			}
			defer func() { _ = root.Close() }() // nothing is buffered
			continue
		}
		if isTemp(text) {
			_ = root.Remove(text) // it may be gone
		}
	}
}

// tempName returns a name for the temporary file of a file.
func tempName(file string) string {
	return path.Join(path.Dir(file), ".errand-"+rand.Text()+".tmp")
}

func isTemp(name string) bool {
	base := path.Base(name)
	return fs.ValidPath(name) && strings.HasPrefix(base, ".errand-") && strings.HasSuffix(base, ".tmp")
}
