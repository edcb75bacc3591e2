package attemptdir

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
)

// places are an attempt's directories that are elsewhere. They are the first line of
// job.json, which keeps its length and is written over: files of their own would cost more.
// Above all on ext4 without a journal, which looks at each file that was removed lately before
// it makes another.
type places struct {
	Temp string `json:"tmpdir,omitempty"` // the path of the commands' TMPDIR
	Work string `json:"work,omitempty"`   // the name in DATA/work of their working directory
}

// placesBytes is the length of the line.
const placesBytes = 1024

// line returns the places as the first line of job.json; too long a line if they are too long.
func (p places) line() []byte {
	b, _ := json.Marshal(p) // of strings: can't fail
	b = append(b, bytes.Repeat([]byte{' '}, max(placesBytes-1-len(b), 0))...)
	return append(b, '\n')
}

// places reads the places; none if they aren't known.
func (d Dir) places() (p places) {
	if d == "" { // of an attempt that got none
		return p
	}
	f, err := os.Open(d.join("job.json"))
	if err != nil {
		return p
	}
	defer func() { _ = f.Close() }() // opened for reading
	return readPlaces(f)
}

func readPlaces(r io.Reader) (p places) {
	line := make([]byte, placesBytes)
	if _, err := io.ReadFull(r, line); err != nil || json.Unmarshal(line, &p) != nil {
		return places{}
	}
	return p
}

// withoutPlaces is a job.json without its first line.
func withoutPlaces(b []byte) []byte {
	if len(b) < placesBytes || b[placesBytes-1] != '\n' {
		return b
	}
	return b[placesBytes:]
}

// changePlaces changes the places by one write: the end of this process leaves the old ones
// or the new ones.
func (d Dir) changePlaces(change func(*places)) error {
	f, err := os.OpenFile(d.join("job.json"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	p := readPlaces(f)
	change(&p)
	line := p.line()
	if len(line) > placesBytes {
		return errors.Join(errors.New("the path is too long"), f.Close())
	}
	_, err = f.WriteAt(line, 0)
	return errors.Join(err, f.Close())
}
