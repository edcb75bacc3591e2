package archive

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// EntryError is an error of one entry of an archive, or of a selection to be packed.
type EntryError struct {
	Name string // in the archive or the selection
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
	case strings.HasPrefix(name, "/"):
		return "", fmt.Errorf("the name is an absolute path: %w", ErrUnsafe)
	}
	for e := range strings.SplitSeq(name, "/") {
		if e == ".." {
			return "", fmt.Errorf(`the name contains "..": %w`, ErrUnsafe)
		}
	}
	clean := path.Clean(name)
	return clean, CheckStorable(clean)
}

// CheckStorable checks that this system can store a clean path, and takes it for the
// same path.
func CheckStorable(clean string) error {
	if runtime.GOOS == "windows" {
		if err := checkWindowsName(clean); err != nil {
			return err
		}
	}
	if clean != "." && !filepath.IsLocal(filepath.FromSlash(clean)) {
		return fmt.Errorf("the name is not a valid path on this system: %w", ErrUnsafe)
	}
	return nil
}

// checkWindowsName explains why Windows can't store a clean path.
//
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func checkWindowsName(name string) error {
	for e := range strings.SplitSeq(name, "/") {
		why := ""
		i := strings.IndexFunc(e, func(r rune) bool { return r < ' ' || strings.ContainsRune(`<>:"|?*\`, r) })
		base, _, _ := strings.Cut(e, ".")
		switch {
		case e == ".":
		case i >= 0:
			why = fmt.Sprintf("it allows no %q in names", e[i])
		case strings.TrimRight(e, " .") != e:
			why = "it allows no space or dot at the end of a name"
		case windowsDevice.MatchString(strings.TrimRight(base, " ")):
			why = fmt.Sprintf("it reserves %q for a device", base)
		case !utf8.ValidString(e):
			why = "the name is not UTF-8"
		}
		if why != "" {
			return fmt.Errorf("the worker runs Windows, which can't store this name: %s; rename it, leave it out with .errandignore, or send the job to another worker", why)
		}
	}
	return nil
}

var windowsDevice = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9¹²³])$`)

// sameSpelling reports whether names are one on a system that ignores case and how
// accents are encoded.
func sameSpelling(a, b string) bool { return strings.EqualFold(norm.NFC.String(a), norm.NFC.String(b)) }

// checkLink checks the target of a symbolic link, which may point anywhere: Unpack
// makes links last, and follows none.
func checkLink(target string) error {
	switch {
	case target == "":
		return errors.New("the symbolic link has no target")
	case len(target) > maxPath:
		return fmt.Errorf("the symbolic link's target is longer than %d bytes", maxPath)
	case strings.ContainsRune(target, 0):
		return fmt.Errorf("the symbolic link's target %q contains a NUL byte: %w", shorten(target), ErrUnsafe)
	}
	return nil
}
