package attemptdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/errandhq/errand/agent/internal/spool"
)

// Progress is how far a log is uploaded. Trying is the end of a chunk whose upload
// had started and may have arrived, so that it must be sent again unchanged; equal to
// Sent if there is none.
type Progress struct {
	Sent, Trying spool.Pos
}

// Log is the log's path.
func (d Dir) Log() string { return d.join("log") }

const stagesFile = "stages"

// Stages is the path of what the log begins with, if there is anything.
func (d Dir) Stages() string { return d.join(stagesFile) }

// BeginLog creates the log, which tells every later process that the commands may have
// begun. It appears with all that it begins with: some of that may be uploaded.
func (d Dir) BeginLog(now func() time.Time) (*spool.Spool, error) {
	b, err := os.ReadFile(d.Stages())
	if errors.Is(err, fs.ErrNotExist) {
		return spool.Create(d.Log(), now)
	}
	if err == nil {
		err = d.write("log", b)
	}
	if err != nil {
		return nil, fmt.Errorf("create the log: %w", err)
	}
	return spool.Append(d.Log(), now(), now)
}

// OpenLog opens what there is of the log. Errors: fs.ErrNotExist.
func (d Dir) OpenLog() (*spool.Reader, error) {
	r, err := spool.Open(d.Log())
	if errors.Is(err, fs.ErrNotExist) {
		return spool.Open(d.Stages())
	}
	return r, err
}

const progressFormat = "%020d %020d %020d %020d\n"

// WriteProgress notes how far the log is uploaded. It survives the end of this process,
// and may not survive that of the machine.
func (d Dir) WriteProgress(p Progress) error {
	f, err := os.OpenFile(d.join("sent"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, progressFormat, p.Sent.File, p.Sent.Log, p.Trying.File, p.Trying.Log) // one write: all or nothing
	return errors.Join(err, f.Close())
}

// Progress returns how far the log is uploaded; not at all if that isn't known.
func (d Dir) Progress() Progress {
	var p Progress
	b, err := os.ReadFile(d.join("sent"))
	if err == nil {
		_, err = fmt.Sscanf(string(b), progressFormat, &p.Sent.File, &p.Sent.Log, &p.Trying.File, &p.Trying.Log)
	}
	if err != nil {
		return Progress{}
	}
	return p
}
