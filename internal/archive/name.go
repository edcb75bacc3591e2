package archive

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// EntryError is an error of one entry of an archive, or of one file to be packed.
type EntryError struct {
	Name string // in the archive, or relative to the packed directory
	Err  error
}

func (e *EntryError) Error() string { return fmt.Sprintf("%q: %v", shorten(e.Name), e.Err) }
func (e *EntryError) Unwrap() error { return e.Err }

// shorten leaves out the middle of a long name, so that a message can be read.
func shorten(name string) string {
	const begin, end = 80, 40
	if r := []rune(name); len(r) > begin+end {
		return string(r[:begin]) + "…" + string(r[len(r)-end:])
	}
	return name
}

func entryErrorf(name, format string, args ...any) error {
	return &EntryError{Name: name, Err: fmt.Errorf(format, args...)}
}

// ErrUnsafe: the entry could reach files outside the directory.
var ErrUnsafe = errors.New("unsafe in an archive")

// maxPath is the limit for paths in an archive, in bytes.
const maxPath = 4096

// cleanName checks an entry's name and returns it in its canonical form: with
// slashes, without dot elements and trailing slash. The directory itself is ".".
func cleanName(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("the name is empty")
	case len(name) > maxPath:
		return "", fmt.Errorf("the name has %d bytes, the limit is %d", len(name), maxPath)
	case strings.ContainsRune(name, 0):
		return "", fmt.Errorf("the name contains a NUL byte: %w", ErrUnsafe)
	case strings.ContainsRune(name, '\\'):
		return "", fmt.Errorf("the name contains a backslash, which some systems treat as a slash: %w", ErrUnsafe)
	case strings.HasPrefix(name, "/"):
		return "", fmt.Errorf("the name is an absolute path: %w", ErrUnsafe)
	case hasDrive(name):
		return "", fmt.Errorf("the name starts with a drive letter: %w", ErrUnsafe)
	}
	for e := range strings.SplitSeq(name, "/") {
		if e == ".." {
			return "", fmt.Errorf(`the name contains "..": %w`, ErrUnsafe)
		}
	}
	clean := path.Clean(name)
	if clean != "." && !filepath.IsLocal(filepath.FromSlash(clean)) {
		return "", fmt.Errorf("the name is not a valid path on this system: %w", ErrUnsafe)
	}
	return clean, nil
}

func hasDrive(name string) bool {
	return len(name) >= 2 && name[1] == ':' && (name[0]|0x20) >= 'a' && (name[0]|0x20) <= 'z'
}

// checkLink checks the target of a symbolic link at the clean path name. It looks
// at the text only: a target that leads through other links must be checked again
// when all exist.
func checkLink(name, target string) error {
	switch {
	case target == "":
		return errors.New("the symbolic link has no target")
	case len(target) > maxPath:
		return fmt.Errorf("the symbolic link's target is longer than %d bytes", maxPath)
	case strings.ContainsAny(target, "\x00\\"):
		return fmt.Errorf("the symbolic link's target %q contains a NUL byte or a backslash: %w", shorten(target), ErrUnsafe)
	case strings.HasPrefix(target, "/") || hasDrive(target):
		return fmt.Errorf("the symbolic link points to the absolute path %q: %w", shorten(target), ErrUnsafe)
	}
	// Element by element, because path.Join would clean "a/../..".
	depth := strings.Count(name, "/")
	for e := range strings.SplitSeq(target, "/") {
		switch e {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return fmt.Errorf("the symbolic link points to %q, outside the directory: %w", shorten(target), ErrUnsafe)
		}
	}
	return nil
}
