package archive

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// EntryError says what is wrong with one entry, or one file to be packed.
type EntryError struct {
	Name string // as the archive has it, or the path below the directory
	Err  error
}

func (e *EntryError) Error() string { return fmt.Sprintf("%q: %v", e.Name, e.Err) }
func (e *EntryError) Unwrap() error { return e.Err }

func entryErrorf(name, format string, args ...any) error {
	return &EntryError{Name: name, Err: fmt.Errorf(format, args...)}
}

// ErrUnsafe is in the chain of the errors for what would reach out of the directory.
var ErrUnsafe = errors.New("it would reach out of the directory")

// maxPath is the longest path, in bytes, that an archive may hold.
const maxPath = 4096

// cleanName checks an entry's name and gives it in its one form: slashes, no
// dot elements, no slash at the end. The directory itself is ".".
func cleanName(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("the name is empty")
	case len(name) > maxPath:
		return "", fmt.Errorf("the name is %d bytes long, the limit is %d", len(name), maxPath)
	case strings.ContainsRune(name, 0):
		return "", fmt.Errorf("the name holds a NUL byte: %w", ErrUnsafe)
	case strings.ContainsRune(name, '\\'):
		return "", fmt.Errorf("the name holds a backslash, which some systems take for a slash: %w", ErrUnsafe)
	case strings.HasPrefix(name, "/"):
		return "", fmt.Errorf("the name is an absolute path: %w", ErrUnsafe)
	case hasDrive(name):
		return "", fmt.Errorf("the name begins with a drive letter: %w", ErrUnsafe)
	}
	for e := range strings.SplitSeq(name, "/") {
		if e == ".." {
			return "", fmt.Errorf(`the name holds "..": %w`, ErrUnsafe)
		}
	}
	clean := path.Clean(name)
	if clean != "." && !filepath.IsLocal(filepath.FromSlash(clean)) {
		return "", fmt.Errorf("the name is not a plain path on this system: %w", ErrUnsafe)
	}
	return clean, nil
}

func hasDrive(name string) bool {
	return len(name) >= 2 && name[1] == ':' && (name[0]|0x20) >= 'a' && (name[0]|0x20) <= 'z'
}

// checkLink checks where a symbolic link at the clean path name leads, by its
// text alone. Links that lead through other links must be checked once all are there.
func checkLink(name, target string) error {
	switch {
	case target == "":
		return errors.New("the symbolic link leads nowhere")
	case len(target) > maxPath:
		return fmt.Errorf("the symbolic link's target is longer than %d bytes", maxPath)
	case strings.ContainsAny(target, "\x00\\"):
		return fmt.Errorf("the symbolic link's target %q holds a NUL byte or a backslash: %w", target, ErrUnsafe)
	case strings.HasPrefix(target, "/") || hasDrive(target):
		return fmt.Errorf("the symbolic link leads to the absolute path %q: %w", target, ErrUnsafe)
	}
	// Joined element by element: path.Join would clean "a/../.." away.
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
			return fmt.Errorf("the symbolic link leads to %q: %w", target, ErrUnsafe)
		}
	}
	return nil
}
