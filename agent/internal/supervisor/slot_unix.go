//go:build unix

package supervisor

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

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

// connect connects to the socket.
func (d slotDir) connect(ctx context.Context) (conn net.Conn, err error) {
	err = d.withSocket(func(path string) (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
		return err
	})
	return conn, err
}

// maxSocketPath is the longest path of a socket, in bytes. It is 103 on macOS, and 107
// on Linux.
const maxSocketPath = 103

// withSocket calls f with a path of the slot's socket that is short enough: if its own
// isn't, one by a temporary symbolic link.
func (d slotDir) withSocket(f func(path string) error) error {
	path := d.join("socket")
	if len(path) <= maxSocketPath {
		return f(path)
	}
	temp, err := os.MkdirTemp("", "errand-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	link := filepath.Join(temp, "s")
	if err := os.Symlink(string(d), link); err != nil {
		return err
	}
	return f(filepath.Join(link, "socket"))
}
