package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/gofrs/flock"
)

// slotDir is the directory of one supervisor.
type slotDir string

func dirOf(data string, slot int) slotDir {
	return slotDir(filepath.Join(data, "slots", strconv.Itoa(slot)))
}

func (d slotDir) join(name string) string { return filepath.Join(string(d), name) }

func (d slotDir) lock() *flock.Flock { return flock.New(d.join("lock")) }

// isFree reports whether no supervisor lives in the slot.
func (d slotDir) isFree() (bool, error) {
	if _, err := os.Stat(d.join("lock")); errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	l := d.lock()
	free, err := l.TryLock()
	return free, errors.Join(err, l.Close())
}

// listen makes the socket anew. The caller holds the lock.
func (d slotDir) listen() (net.Listener, error) {
	if err := os.Remove(d.join("socket")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var l net.Listener
	err := d.withSocket(func(path string) (err error) {
		l, err = net.Listen("unix", path)
		return err
	})
	return l, err
}

// answerTime limits how long a supervisor may take to accept a connection, and to send
// its first status.
const answerTime = 2 * time.Second

// dial connects to the slot's supervisor, and waits for its first status.
func (d slotDir) dial(ctx context.Context) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var conn net.Conn
	err := d.withSocket(func(path string) (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the supervisor of slot %s: %w", filepath.Base(string(d)), err)
	}
	c := newClient(conn)
	select {
	case <-c.changed:
		return c, nil
	case <-c.gone:
		return nil, errGone
	case <-ctx.Done():
		c.Close()
		return nil, fmt.Errorf("the supervisor of slot %s does not answer: %w", filepath.Base(string(d)), ctx.Err())
	}
}

// maxSocketPath is the longest path of a socket, in bytes. It is 103 on macOS, and 107
// on Linux and Windows.
const maxSocketPath = 103

// withSocket calls f with a path of the slot's socket that is short enough: if its own
// isn't, one by a temporary symbolic link.
func (d slotDir) withSocket(f func(path string) error) error {
	path := d.join("socket")
	if len(path) <= maxSocketPath || runtime.GOOS == "windows" {
		return f(path)
	}
	temp, err := os.MkdirTemp("", "errand-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	link := filepath.Join(temp, "s")
	if err := os.Symlink(string(d), link); err != nil {
		return err
	}
	return f(filepath.Join(link, "socket"))
}
