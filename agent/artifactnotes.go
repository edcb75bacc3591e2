package agent

import (
	"bufio"
	"encoding/json"
	"os"
	"sync"

	"github.com/errandhq/errand"
)

// artifactNotes are what of an attempt's artifacts has arrived: a file that a later process
// reads. A note that is lost costs only time: what it says is sent again.
type artifactNotes struct {
	mu    sync.Mutex
	file  *os.File // nil: it can't be written
	sent  map[string]bool
	begun map[string]*begunUpload // by SHA-256
}

type begunUpload struct {
	id    string
	parts map[int]errand.ArtifactPart
}

// artifactNote is a line of the file: a content that has arrived, an upload that has begun,
// or a part of one that has arrived.
type artifactNote struct {
	SHA256   string               `json:"sha256"`
	UploadID *string              `json:"uploadId,omitempty"`
	Part     *errand.ArtifactPart `json:"part,omitempty"`
}

func openArtifactNotes(path string) *artifactNotes {
	n := &artifactNotes{sent: map[string]bool{}, begun: map[string]*begunUpload{}}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return n
	}
	n.file = file
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var note artifactNote
		if json.Unmarshal(lines.Bytes(), &note) == nil {
			n.apply(note)
		}
	}
	return n
}

func (n *artifactNotes) close() {
	if n.file != nil {
		_ = n.file.Close() // see artifactNotes
	}
}

func (n *artifactNotes) apply(note artifactNote) {
	switch {
	case note.UploadID != nil:
		n.begun[note.SHA256] = &begunUpload{*note.UploadID, map[int]errand.ArtifactPart{}}
	case note.Part != nil && n.begun[note.SHA256] != nil:
		n.begun[note.SHA256].parts[note.Part.Number] = *note.Part
	case note.Part == nil:
		n.sent[note.SHA256] = true
	}
}

func (n *artifactNotes) add(note artifactNote) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.apply(note)
	if b, err := json.Marshal(note); err == nil && n.file != nil {
		_, _ = n.file.Write(append(b, '\n')) // see artifactNotes
	}
}

func (n *artifactNotes) done(sha256 string) { n.add(artifactNote{SHA256: sha256}) }
func (n *artifactNotes) begin(sha256, uploadID string) {
	n.add(artifactNote{SHA256: sha256, UploadID: &uploadID})
}
func (n *artifactNotes) partDone(sha256 string, p errand.ArtifactPart) {
	n.add(artifactNote{SHA256: sha256, Part: &p})
}

func (n *artifactNotes) isDone(sha256 string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent[sha256]
}

// upload returns the ID of the upload that has begun; empty if there is none.
func (n *artifactNotes) upload(sha256 string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if u := n.begun[sha256]; u != nil {
		return u.id
	}
	return ""
}

// part returns a part that has arrived; one without an ETag if it hasn't.
func (n *artifactNotes) part(sha256 string, number int) errand.ArtifactPart {
	n.mu.Lock()
	defer n.mu.Unlock()
	if u := n.begun[sha256]; u != nil {
		return u.parts[number]
	}
	return errand.ArtifactPart{}
}
