package archive

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// An item is an entry of a ZIP made for a test.
type item struct {
	name string
	mode fs.FileMode
	body string
}

func makeZip(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for _, it := range items {
		h := &zip.FileHeader{Name: it.name, Method: zip.Deflate}
		h.SetMode(it.mode)
		w, err := zw.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if it.body != "" {
			if _, err := io.WriteString(w, it.body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpackBytes unpacks b into outer/in, and fails the test if anything else
// appears in outer.
func unpackBytes(t testing.TB, b []byte, l Limits) (dir string, stats Stats, err error) {
	t.Helper()
	outer := t.TempDir()
	zipPath := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(zipPath, b, 0o600); err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(outer, "in")
	stats, err = Unpack(t.Context(), zipPath, dir, l, nil)
	entries, rerr := os.ReadDir(outer)
	if rerr != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != "in" {
		t.Errorf("beside the directory: %v, %v", entries, rerr)
	}
	return dir, stats, err
}

const reg, lnk = fs.FileMode(0o644), fs.ModeSymlink | 0o777

func TestUnpackRefusesHostileArchives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		items []item
		want  string
		is    error
	}{
		{"parent", []item{{"../x", reg, "x"}}, `"../x": the name contains ".."`, ErrUnsafe},
		{"parent inside", []item{{"a/../../x", reg, "x"}}, `contains ".."`, ErrUnsafe},
		{"parent that stays", []item{{"a/../x", reg, "x"}}, `contains ".."`, ErrUnsafe},
		{"absolute", []item{{"/tmp/x", reg, "x"}}, `"/tmp/x": the name is an absolute path`, ErrUnsafe},
		{"NUL", []item{{"a\x00b", reg, "x"}}, `NUL`, ErrUnsafe},
		{"empty name", []item{{"", reg, "x"}}, `the name is empty`, nil},
		{"the directory as a file", []item{{".", reg, "x"}}, `two entries with this name`, nil},
		{"long name", []item{{strings.Repeat("a/", 2100) + "x", reg, "x"}}, `limit is 4096`, nil},
		{"too deep", []item{{strings.Repeat("a/", 255) + "x", reg, "x"}}, `/x": the path has 256 elements, the limit is 255`, ErrTooLarge},
		{"too deep directory", []item{{strings.Repeat("a/", 2000), fs.ModeDir | 0o755, ""}}, `the path has 2000 elements`, ErrTooLarge},
		{"link nowhere", []item{{"l", lnk, ""}}, `no target`, nil},
		{"long link", []item{{"l", lnk, strings.Repeat("a", 5000)}}, `longer than 4096`, nil},
		{"write through a link", []item{{"l", lnk, "."}, {"l/x", reg, "x"}}, `"l" above it is a symbolic link`, ErrUnsafe},
		{"link over a directory", []item{{"d/x", reg, "x"}, {"d", lnk, "."}}, `"d": the archive has two entries with this name`, nil},
		{"file over a link", []item{{"l", lnk, "x"}, {"l", reg, "x"}}, `two entries with this name`, nil},
		{"duplicate", []item{{"x", reg, "1"}, {"x", reg, "2"}}, `"x": the archive has two entries with this name`, nil},
		{"duplicate, other spelling", []item{{"a/x", reg, "1"}, {"a//./x", reg, "2"}}, `two entries with this name`, nil},
		{"file below a file", []item{{"x", reg, "1"}, {"x/y", reg, "2"}}, `"x" above it is a file`, nil},
		{"file and directory", []item{{"x", reg, "1"}, {"x/", fs.ModeDir | 0o755, ""}}, `two entries with this name`, nil},
		{"device", []item{{"dev", fs.ModeDevice | 0o600, ""}}, `"dev": it is neither a file`, ErrUnsafe},
		{"character device", []item{{"dev", fs.ModeDevice | fs.ModeCharDevice | 0o600, ""}}, `neither a file`, ErrUnsafe},
		{"pipe", []item{{"p", fs.ModeNamedPipe | 0o600, ""}}, `neither a file`, ErrUnsafe},
		{"socket", []item{{"s", fs.ModeSocket | 0o600, ""}}, `neither a file`, ErrUnsafe},
		{"pipe with a directory's name", []item{{"p/", fs.ModeNamedPipe | 0o600, ""}}, `neither a file`, ErrUnsafe},
		{"too many", []item{{"a", reg, ""}, {"b", reg, ""}, {"c", reg, ""}, {"d", reg, ""}, {"e", reg, ""}}, `5 entries, the limit is 4`, ErrTooLarge},
		{"too many directories", []item{{"a/b/c/d/e", reg, ""}}, `more than 4 files and directories`, ErrTooLarge},
		{"too large", []item{{"a", reg, strings.Repeat("0", 600)}, {"b", reg, strings.Repeat("0", 600)}}, `"b": the archive unpacks to more than 1000 bytes`, ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := unpackBytes(t, makeZip(t, tt.items...), Limits{MaxBytes: 1000, MaxFiles: 4})
			if tt.name == "long link" {
				_, _, err = unpackBytes(t, makeZip(t, tt.items...), Limits{})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v; want %q", err, tt.want)
			}
		})
	}
}

// TestUnpackFollowsNoLink: links may point anywhere, but nothing is written or changed
// through one.
func TestUnpackFollowsNoLink(t *testing.T) {
	t.Parallel()
	needSymlinks(t)
	victim := t.TempDir()
	if err := os.Chmod(victim, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, items := range map[string][]item{
		"absolute":              {{"l", lnk, victim}},
		"out":                   {{"d/l", lnk, "../../x"}},
		"out through a link":    {{"a/b/l", lnk, "m/../x"}, {"a/b/m", lnk, "../.."}},
		"drive":                 {{"l", lnk, "C:/x"}},
		"backslash":             {{"l", lnk, `..\x`}},
		"file through a link":   {{"l", lnk, victim}, {"l/x", reg, "x"}},
		"file before its link":  {{"l/x", reg, "x"}, {"l", lnk, victim}},
		"folder through a link": {{"l", lnk, victim}, {"l/", fs.ModeDir | 0o777, ""}},
		"link through a link":   {{"l", lnk, victim}, {"l/m", lnk, "x"}},
	} {
		dir, _, err := unpackBytes(t, makeZip(t, items...), Limits{})
		if refused := len(items) > 1 && name != "out through a link"; refused != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		if target, lerr := os.Readlink(filepath.Join(dir, filepath.FromSlash(items[0].name))); err == nil && (lerr != nil || filepath.ToSlash(target) != filepath.ToSlash(items[0].body)) {
			t.Errorf("%s: the link points to %q, %v", name, target, lerr)
		}
	}
	entries, err := os.ReadDir(victim)
	info, serr := os.Stat(victim)
	if err != nil || serr != nil || len(entries) > 0 || info.Mode().Perm() != 0o700 {
		t.Errorf("where the links point to: %v, %v, %v, %v", entries, info.Mode(), err, serr)
	}
}

func TestWindowsNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a:b": `it allows no ':' in names`, `d/back\slash`: `it allows no '\\' in names`, "d/aux.txt": `it reserves "aux" for a device`, "LPT1": "reserves", "com¹.x": "reserves",
		"dot./x": "no space or dot at the end", "a\tb": `no '\t' in names`, "\xff": "not UTF-8", "auxiliary/.com/x.aux": "", ".": "", "é": "",
	} {
		err := checkWindowsName(name)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

func TestCollisionNamesBoth(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{
		{"Readme", "readme", `"Readme" and "readme" are one name on this worker`},
		{"e\u0301", "\u00e9", `are one name on this worker`},
		{"other", "readme", "a file of this name exists already"},
	} {
		u := &unpacker{kinds: map[string]kind{tt[0]: file, tt[1]: file}}
		if err := u.collision(tt[1], fs.ErrExist); !strings.Contains(err.Error(), tt[2]) {
			t.Errorf("%q, %q: %v", tt[0], tt[1], err)
		}
	}
}

// needSymlinks skips the test where this process can't make symbolic links: on
// Windows without the privilege, and under Wine.
func needSymlinks(t *testing.T) {
	t.Helper()
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.Symlink("target", "link"); err != nil && runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows: ", err)
	}
}

// patch replaces the size that every directory header of a ZIP declares.
func declareSize(t *testing.T, b []byte, size uint32) []byte {
	t.Helper()
	at := bytes.Index(b, []byte("PK\x01\x02"))
	if at < 0 {
		t.Fatal("no directory header")
	}
	binary.LittleEndian.PutUint32(b[at+24:], size)
	return b
}

func TestUnpackStopsABombThatLies(t *testing.T) {
	t.Parallel()
	b := declareSize(t, makeZip(t, item{"bomb", reg, strings.Repeat("0", 10<<20)}), 10)
	dir, stats, err := unpackBytes(t, b, Limits{MaxBytes: 1000})
	if err == nil || !strings.Contains(err.Error(), `"bomb"`) {
		t.Errorf("got %v", err)
	}
	if info, serr := os.Stat(filepath.Join(dir, "bomb")); serr != nil || info.Size() > 1001 || stats.Bytes > 1001 {
		t.Errorf("%d bytes were written (%v)", stats.Bytes, serr)
	}
}

func TestUnpackRefusesDamage(t *testing.T) {
	t.Parallel()
	whole := makeZip(t, item{"a", reg, strings.Repeat("some text ", 100)})
	damaged := bytes.Clone(whole)
	damaged[len("a")+30+20] ^= 0xff
	encrypted := bytes.Clone(whole)
	encrypted[bytes.Index(encrypted, []byte("PK\x01\x02"))+8] |= 1
	method := bytes.Clone(whole)
	method[bytes.Index(method, []byte("PK\x01\x02"))+10] = 99
	for _, tt := range []struct {
		name string
		b    []byte
		want string
	}{
		{"not a zip", []byte("hello"), "not a complete ZIP"},
		{"empty", nil, "not a complete ZIP"},
		{"cut off", whole[:len(whole)-10], "not a complete ZIP"},
		{"damaged", damaged, `"a": `},
		{"encrypted", encrypted, `"a": the entry is encrypted`},
		{"method", method, `"a": `},
		{"short", declareSize(t, bytes.Clone(whole), 5000), `"a": `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := unpackBytes(t, tt.b, Limits{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want %q", err, tt.want)
			}
		})
	}
}

func TestUnpackReadsNoMoreDirectoryThanTheLimitNeeds(t *testing.T) {
	t.Parallel()
	items := make([]item, 5000)
	for i := range items {
		items[i] = item{strings.Repeat("n", 1000) + string(rune('a'+i%26)) + strings.Repeat("x", i%7), reg, ""}
	}
	if _, _, err := unpackBytes(t, makeZip(t, items...), Limits{MaxFiles: 10}); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "directory is too long") {
		t.Errorf("got %v", err)
	}
}

func TestUnpackWritesOverNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	zipPath := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(zipPath, makeZip(t, item{"x", reg, "new"}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Unpack(t.Context(), zipPath, dir, Limits{}, nil); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "x")); string(got) != "old" {
		t.Errorf("the file is now %q", got)
	}
}

// TestUnpackAcceptsOtherTools: no modes, no directory entries, "./" in front,
// spelt-out directories after what is in them.
func TestUnpackAcceptsOtherTools(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for _, name := range []string{"./", "./deep/er/x", "deep/", "deep/er/", "y"} {
		w, err := zw.CreateHeader(&zip.FileHeader{Name: name})
		if err == nil && !strings.HasSuffix(name, "/") {
			_, err = io.WriteString(w, "hi")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	dir, stats, err := unpackBytes(t, b.Bytes(), Limits{MaxFiles: 5})
	if err != nil || stats != (Stats{Files: 2, Dirs: 2, Bytes: 4}) {
		t.Fatalf("%+v, %v", stats, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "deep", "er", "x")); err != nil || string(got) != "hi" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestUnpackSetsModes: the bits of an archive from Unix, whatever the umask, and without
// set-ID bits. Other archives can't give write permission to group and others.
func TestUnpackSetsModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	unix := makeZip(t,
		item{"suid", fs.ModeSetuid | fs.ModeSetgid | 0o4777, "x"}, item{"none", 0o200, "x"},
		item{"d/", fs.ModeDir | fs.ModeSticky | 0o077, ""}, item{"d/in", 0o666, "x"})
	fat := bytes.Clone(unix)
	for at := 0; ; {
		i := bytes.Index(fat[at:], []byte("PK\x01\x02"))
		if i < 0 {
			break
		}
		at += i + 4
		fat[at+1] = 0 // the system that made it
	}
	for name, tt := range map[string]struct {
		zip  []byte
		want map[string]fs.FileMode
	}{
		"unix": {unix, map[string]fs.FileMode{"suid": 0o777, "none": 0o600, "d": fs.ModeDir | 0o777, "d/in": 0o666}},
		"fat":  {fat, map[string]fs.FileMode{"suid": 0o644, "none": 0o644, "d": fs.ModeDir | 0o755, "d/in": 0o644}},
	} {
		dir, _, err := unpackBytes(t, tt.zip, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for file, want := range tt.want {
			if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode() != want {
				t.Errorf("%s: %s: mode %v, %v; want %v", name, file, info.Mode(), err, want)
			}
		}
	}
}

// TestUnpackSetsTimes: also of directories, and none in the future.
func TestUnpackSetsTimes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, at := range map[string]time.Time{"d/": old, "d/f": old.Add(time.Hour), "none": {}, "future": time.Now().Add(time.Hour), "later": time.Now().Add(2 * time.Hour)} {
		h := &zip.FileHeader{Name: name, Modified: at}
		h.SetMode(0o755)
		if strings.HasSuffix(name, "/") {
			h.SetMode(fs.ModeDir | 0o755)
		}
		if _, err := zw.CreateHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now().Add(-time.Minute)
	dir, _, err := unpackBytes(t, b.Bytes(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) time.Time {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	if !at("d").Equal(old) || !at("d/f").Equal(old.Add(time.Hour)) {
		t.Errorf("times %v and %v", at("d"), at("d/f"))
	}
	if at("none").Before(begun) || at("later").After(time.Now()) || !at("future").Before(at("later")) {
		t.Errorf("times %v, %v, %v", at("none"), at("future"), at("later"))
	}
}

// FuzzUnpack: whatever the bytes, nothing appears beside the directory, no more
// than the limits is written, and what was unpacked no target outside.
func FuzzUnpack(f *testing.F) {
	f.Add(makeZip(f, item{"a/b", reg, "text"}, item{"l", lnk, "a/b"}))
	f.Add(makeZip(f, item{"../x", reg, "x"}))
	f.Add(makeZip(f, item{"l", lnk, ".."}, item{"l/x", reg, "x"}))
	f.Add(makeZip(f, item{"d/", fs.ModeDir, ""}, item{"d/x", fs.ModeNamedPipe, ""}))
	f.Add(makeZip(f, item{"bomb", reg, strings.Repeat("0", 1<<16)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := Limits{MaxBytes: 10_000, MaxFiles: 20}
		dir, _, err := unpackBytes(t, b, l)
		var bytes int64
		count := -1 // dir itself
		werr := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			count++
			info, err := d.Info()
			if err != nil {
				return err
			}
			switch d.Type() {
			case 0:
				bytes += info.Size()
			case fs.ModeDir, fs.ModeSymlink:
			default:
				t.Errorf("%s is %v", p, d.Type())
			}
			return nil
		})
		if werr != nil && !errors.Is(werr, fs.ErrNotExist) {
			t.Error(werr)
		}
		if count > l.MaxFiles || bytes > l.MaxBytes+1 {
			t.Errorf("%d files with %d bytes", count, bytes)
		}
		if err != nil {
			return
		}
		if _, err := Pack(t.Context(), choose(t, dir), io.Discard); err != nil {
			t.Errorf("what was unpacked can't be packed: %v", err)
		}
	})
}

// A countdown is a context that ends after it was asked n times.
type countdown struct {
	context.Context
	n int
}

func (c *countdown) Err() error {
	if c.n--; c.n < 0 {
		return context.Canceled
	}
	return nil
}

func (c *countdown) Value(any) any { return nil }

// recorder is told the progress.
type recorder struct {
	total, done int64
	calls       int
}

func (r *recorder) Start(total int64) { r.total = total }
func (r *recorder) Add(n int64)       { r.done, r.calls = r.done+n, r.calls+1 }

// TestUnpackTellsItsProgress: also in the middle of a large entry.
func TestUnpackTellsItsProgress(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	zipPath := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(zipPath, makeZip(t, item{"big", reg, strings.Repeat("0", size)}, item{"dir/", fs.ModeDir | 0o700, ""}, item{"dir/small", reg, "12345"}), 0o600); err != nil {
		t.Fatal(err)
	}
	var r recorder
	if _, err := Unpack(t.Context(), zipPath, filepath.Join(t.TempDir(), "in"), Limits{}, &r); err != nil {
		t.Fatal(err)
	}
	if r.total != size+5 || r.done != r.total || r.calls < 10 {
		t.Errorf("told of %d of %d bytes in %d calls", r.done, r.total, r.calls)
	}
}

// TestUnpackEndsWithItsContext: also in the middle of a large entry, and at each step
// of many small ones.
func TestUnpackEndsWithItsContext(t *testing.T) {
	t.Parallel()
	needSymlinks(t)
	const size = 1 << 20
	b := makeZip(t, item{"big", reg, strings.Repeat("0", size)}, item{"dir/", fs.ModeDir | 0o700, ""}, item{"link", lnk, "big"})
	zipPath := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(zipPath, b, 0o600); err != nil {
		t.Fatal(err)
	}
	ends := &countdown{t.Context(), 1 << 30}
	if _, err := Unpack(ends, zipPath, filepath.Join(t.TempDir(), "in"), Limits{}, nil); err != nil {
		t.Fatal(err)
	}
	checks := 1<<30 - ends.n
	if checks < 20 {
		t.Fatalf("%d checks in all", checks)
	}
	for n := range checks {
		dir := filepath.Join(t.TempDir(), "in")
		if _, err := Unpack(&countdown{t.Context(), n}, zipPath, dir, Limits{}, nil); !errors.Is(err, context.Canceled) {
			t.Fatalf("ended at check %d: %v", n, err)
		}
		if info, err := os.Stat(filepath.Join(dir, "big")); n == checks/2 && (err != nil || info.Size() == 0 || info.Size() == size) {
			t.Errorf("ended in the middle: %v, %v", info, err)
		}
	}
}
