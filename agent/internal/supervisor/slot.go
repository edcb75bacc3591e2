package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// answerTime limits how long a supervisor may take to accept a connection, and to send
// its first status, before the agent tries again.
const answerTime = 2 * time.Second

// dial connects to the slot's supervisor, and waits for its first status, within limit.
func (d slotDir) dial(ctx context.Context, limit time.Duration) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := d.connect(ctx)
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
