package errand

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of artifacts.
const (
	MaxArtifactPatterns  = 50       // of a job
	MaxArtifactPathBytes = 500      // of a pattern
	MaxArtifacts         = 10_000   // files and links of an attempt
	MaxArtifactBytes     = 5 << 30  // of one file
	MaxArtifactsBytes    = 20 << 30 // of all files of an attempt
	MaxArtifactListBytes = 4 << 20  // of an ArtifactList as JSON
	MaxArtifactDepth     = 255      // elements of a file's path: each is opened anew for each file
	MaxFilePathBytes     = 4096     // of a file's path, and of a link's target
	MaxArtifactUploads   = 100      // contents that one request asks for
	MaxArtifactParts     = 100      // parts of one content that one request asks for
	SinglePutBytes       = 64 << 20 // larger contents are sent in parts, so that an interrupted one can go on
	ArtifactPartBytes    = 16 << 20 // of each part but the last
	maxArtifactErrorSize = 500      // bytes of Artifacts.Error
)

// When an artifact is collected.
const (
	WhenAlways  = "always"
	WhenSuccess = "success" // the commands ran to their end, with exit code 0
	WhenFailure = "failure" // any other end, but not a cancellation
)

// An Artifact names files that a job gives back. In JSON it is an object, or its Path
// alone.
type Artifact struct {
	Path     string `json:"path"`               // a pattern: see ParsePattern
	Name     string `json:"name,omitempty"`     // a label for people
	Optional bool   `json:"optional,omitempty"` // it may match nothing
	When     string `json:"when,omitempty"`     // default: WhenAlways
}

type artifactObject Artifact

// MarshalJSON writes the short form if that says all.
func (a Artifact) MarshalJSON() ([]byte, error) {
	if a == (Artifact{Path: a.Path}) {
		return json.Marshal(a.Path)
	}
	return json.Marshal(artifactObject(a))
}

// UnmarshalJSON reads either form.
func (a *Artifact) UnmarshalJSON(b []byte) error {
	*a = Artifact{}
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &a.Path)
	}
	var o artifactObject
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return errors.New(`an artifact is a pattern, or {"path": "dist/**", "name": "…", "optional": true, "when": "always"}`)
	}
	*a = Artifact(o)
	return nil
}

// AppliesTo reports whether the artifact is to be collected after commands that
// succeeded or not.
func (a *Artifact) AppliesTo(success bool) bool {
	switch a.When {
	case WhenSuccess:
		return success
	case WhenFailure:
		return !success
	}
	return true
}

func validateArtifacts(all []Artifact) error {
	if len(all) > MaxArtifactPatterns {
		return InvalidField("artifacts", "artifacts has %d entries; the limit is %d: a pattern like dist/** names many files", len(all), MaxArtifactPatterns)
	}
	for i, a := range all {
		field := fmt.Sprintf("artifacts[%d]", i)
		if _, err := ParsePattern(a.Path); err != nil {
			return InvalidField(field+".path", "%s: %v", field+".path", err)
		}
		if err := validateText(field+".name", a.Name, MaxNameRunes); err != nil {
			return err
		}
		switch a.When {
		case "", WhenAlways, WhenSuccess, WhenFailure:
		default:
			return InvalidField(field+".when", "%s must be %s, %s or %s, not %q", field+".when", WhenAlways, WhenSuccess, WhenFailure, a.When)
		}
	}
	return nil
}

// Content is bytes, named by their hash.
type Content struct {
	SHA256 string `json:"sha256"` // lower-case hex
	Size   int64  `json:"size"`
}

func (c Content) validate(field string, limit int64) error {
	if !hashRE.MatchString(c.SHA256) {
		return InvalidField(field+".sha256", "%s.sha256 must be 64 lower-case hexadecimal digits", field)
	}
	if c.Size < 0 || c.Size > limit {
		return InvalidField(field+".size", "%s.size must be from 0 to %d, not %d", field, limit, c.Size)
	}
	return nil
}

// Artifacts says what an attempt gave back.
type Artifacts struct {
	Files int   `json:"files"` // files and links
	Bytes int64 `json:"bytes"` // of all files
	// List is the ArtifactList as JSON: an object beside those that it lists. Nil: there
	// are no files.
	List *Content `json:"list,omitempty"`
	// Missing are the patterns that matched nothing and aren't optional.
	Missing []string `json:"missing,omitempty"`
	Error   string   `json:"error,omitempty"` // why not all that was found is there
}

func (a *Artifacts) validate(field string) error {
	switch {
	case a.Files < 0 || a.Files > MaxArtifacts:
		return InvalidField(field+".files", "files must be from 0 to %d, not %d", MaxArtifacts, a.Files)
	case a.Bytes < 0 || a.Bytes > MaxArtifactsBytes:
		return InvalidField(field+".bytes", "bytes must be from 0 to %d, not %d", int64(MaxArtifactsBytes), a.Bytes)
	case len(a.Missing) > MaxArtifactPatterns:
		return InvalidField(field+".missing", "missing has %d entries; the limit is %d", len(a.Missing), MaxArtifactPatterns)
	case len(a.Error) > maxArtifactErrorSize:
		return InvalidField(field+".error", "error is %d bytes long; the limit is %d", len(a.Error), maxArtifactErrorSize)
	}
	for i, m := range a.Missing {
		if len(m) > MaxArtifactPathBytes {
			return InvalidField(fmt.Sprintf("%s.missing[%d]", field, i), "a pattern is %d bytes long; the limit is %d", len(m), MaxArtifactPathBytes)
		}
	}
	if a.List != nil {
		return a.List.validate(field+".list", MaxArtifactListBytes)
	}
	return nil
}

// Fail notes why not all artifacts are there.
func (a *Artifacts) Fail(err error) {
	text := strings.ToValidUTF8(err.Error(), "�")
	for len(text) > maxArtifactErrorSize {
		_, n := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-n]
	}
	a.Error = text
}

// An ArtifactFile is a file or a symbolic link that an attempt gave back.
type ArtifactFile struct {
	Path string `json:"path"` // relative to the job's folder, with slashes
	Content
	Mode       string    `json:"mode"`           // permission bits in octal: "0755"
	ModifiedAt time.Time `json:"modifiedAt"`     // by the worker's clock
	Link       string    `json:"link,omitempty"` // the target of a link, which has no content
	Name       string    `json:"name,omitempty"` // of the Artifact whose pattern matched first
}

// Perm returns the permission bits. Bits beyond them, such as set-user-ID, are left out.
func (f *ArtifactFile) Perm() fs.FileMode {
	var mode fs.FileMode
	for _, c := range f.Mode {
		if c < '0' || c > '7' {
			return 0o600
		}
		mode = mode<<3 | fs.FileMode(c-'0')
	}
	return mode & fs.ModePerm
}

// An ArtifactList is what an attempt gave back, in the order of paths.
type ArtifactList struct {
	Files []ArtifactFile `json:"files"`
}

// ParseArtifactList reads a list that a worker wrote, and doesn't trust it: each path is
// unique and stays in the folder, and none leads through another file or a link.
func ParseArtifactList(b []byte) (*ArtifactList, error) {
	var l ArtifactList
	if err := json.Unmarshal(b, &l); err != nil {
		return nil, fmt.Errorf("read the list of artifacts: %w", err)
	}
	if len(l.Files) > MaxArtifacts {
		return nil, fmt.Errorf("the list has %d artifacts; the limit is %d", len(l.Files), MaxArtifacts)
	}
	names := make(map[string]bool, len(l.Files))
	for i := range l.Files {
		if err := l.Files[i].check(); err != nil {
			return nil, fmt.Errorf("artifact %d: %w", i, err)
		}
		if names[l.Files[i].Path] {
			return nil, fmt.Errorf("artifact %d: the path %q is listed twice", i, l.Files[i].Path)
		}
		names[l.Files[i].Path] = true
	}
	for _, f := range l.Files {
		for at, c := range f.Path {
			if c == '/' && names[f.Path[:at]] {
				return nil, fmt.Errorf("the artifact %q is below %q, which is no folder", f.Path, f.Path[:at])
			}
		}
	}
	return &l, nil
}

func (f *ArtifactFile) check() error {
	switch {
	case !fs.ValidPath(f.Path) || f.Path == "." || strings.ContainsRune(f.Path, 0) || len(f.Path) > MaxFilePathBytes || strings.Count(f.Path, "/") >= MaxArtifactDepth:
		return fmt.Errorf("%.200q is no path in a folder", f.Path)
	case len(f.Mode) > 4 || strings.Trim(f.Mode, "01234567") != "":
		return fmt.Errorf("the mode %.20q is not octal", f.Mode)
	case len(f.Name) > 4*MaxNameRunes:
		return fmt.Errorf("the name has %d bytes", len(f.Name))
	case f.Link == "":
		return f.validate("content", MaxArtifactBytes)
	case f.Content != (Content{}) || len(f.Link) > MaxFilePathBytes || strings.ContainsRune(f.Link, 0):
		return fmt.Errorf("%.200q is not a symbolic link that can be", f.Path)
	}
	return nil
}

// An ArtifactUpload asks how to send a content of an attempt. One of up to
// SinglePutBytes is one PUT. A larger one is begun without an UploadID, its Parts are
// asked for as they are sent, and then it is completed with all of them.
type ArtifactUpload struct {
	Content
	UploadID string         `json:"uploadId,omitempty"`
	Parts    []ArtifactPart `json:"parts,omitempty"`
	Complete bool           `json:"complete,omitempty"`
}

// An ArtifactPart is a part of a content: ArtifactPartBytes long, or the last.
type ArtifactPart struct {
	Number int    `json:"number"` // from 1
	SHA256 string `json:"sha256"`
	ETag   string `json:"etag,omitempty"` // as S3 answered; to complete
}

// PartSize returns the size of a part of the content; 0 if it has no such part.
func (c Content) PartSize(number int) int64 {
	at := int64(number-1) * ArtifactPartBytes
	if number < 1 || at >= c.Size {
		return 0
	}
	return min(ArtifactPartBytes, c.Size-at)
}

// Parts returns how many parts the content has.
func (c Content) Parts() int { return int((c.Size + ArtifactPartBytes - 1) / ArtifactPartBytes) }

// Validate checks u. The error is an *Error with CodeInvalidField.
func (u *ArtifactUpload) Validate(field string) error {
	if err := u.validate(field, MaxArtifactBytes); err != nil {
		return err
	}
	limit := MaxArtifactParts
	switch {
	case u.UploadID == "" && (u.Complete || len(u.Parts) > 0), u.Size <= SinglePutBytes && u.UploadID != "":
		return InvalidField(field+".uploadId", "uploadId is that of a content over %d bytes whose upload has begun", int64(SinglePutBytes))
	case len(u.UploadID) > 1024:
		return InvalidField(field+".uploadId", "uploadId is %d bytes long; the limit is 1024", len(u.UploadID))
	case u.Complete:
		limit = u.Content.Parts()
	}
	if len(u.Parts) > limit || u.Complete && len(u.Parts) < limit {
		return InvalidField(field+".parts", "parts has %d entries; the limit is %d, and all are needed to complete", len(u.Parts), limit)
	}
	for i, p := range u.Parts {
		at := fmt.Sprintf("%s.parts[%d]", field, i)
		switch {
		case u.PartSize(p.Number) == 0 || u.Complete && p.Number != i+1:
			return InvalidField(at+".number", "the content has parts 1 to %d, to complete in this order, not %d", u.Content.Parts(), p.Number)
		case !hashRE.MatchString(p.SHA256):
			return InvalidField(at+".sha256", "sha256 must be 64 lower-case hexadecimal digits")
		case u.Complete != (p.ETag != "") || len(p.ETag) > 200:
			return InvalidField(at+".etag", "etag is what S3 answered to the part, and only needed to complete")
		}
	}
	return nil
}

// An ArtifactGrant is the answer to an ArtifactUpload.
type ArtifactGrant struct {
	Put      *SignedRequest  `json:"put,omitempty"`      // of a content of up to SinglePutBytes
	UploadID string          `json:"uploadId,omitempty"` // of a larger one
	Parts    []SignedRequest `json:"parts,omitempty"`    // those that were asked for; each answers an ETag
	Complete bool            `json:"complete,omitempty"`
}

// ArtifactKey is the key of a content that an attempt gave back.
func ArtifactKey(jobID string, attempt int, sha256 string) string {
	return ArtifactPrefix(jobID, attempt) + sha256
}
