package project

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// randomTree has names that patterns tell apart only with care.
func randomTree(r *rand.Rand) map[string]string {
	names := strings.Fields(`a b c a.o b.o x.o foo foobar bar.txt logd.txt log5.txt log\.txt é.txt e.txt f-.c fz.c fa.c [b] a-c
		a^c a]c #hash !bang A.O .hidden a!b ~ $x {a,b} abc a+b ab**c deep`)
	folders := []string{""}
	for range 12 {
		parent := folders[r.IntN(len(folders))]
		folders = append(folders, parent+names[r.IntN(len(names))]+"d/")
	}
	files := map[string]string{}
	for _, folder := range folders {
		for range 8 {
			name := folder + names[r.IntN(len(names))]
			if !slices.Contains(folders, name+"/") {
				files[name] = ""
			}
		}
	}
	return files
}

// randomPatterns mixes whole patterns, paths of the tree, and pieces in any order.
func randomPatterns(r *rand.Rand, names []string) string {
	whole := strings.Fields(`log[\d].txt a[/]b[a-c] ***/x.o ?.txt f[z-a].c * ** **/ /** /* !* a/** **/a **/d/** a**/b ad**/x.o
		[!a]* [^a-z].o [[:alpha:]] [[:digit:]]* [[:bogus:]]x [[:alpha:] [] []] []a]* [!]]* [a\]]* [a-]* [-a]* [\a-\c] [a/]* a\ \a \#hash
		\!bang !\!bang #hash foo/ /foo foo/* fo?/ *foo *.o/ */*.o /*/*/ad **foo foo** a***b *[ad]/ / // !/ ! \ a\ foo\* {a,b} ~ $x [a-c]d/*
		*d/**/*d/ **/**/a a//b ./a ../a [!/]* a?b *a*d* *?* ?*? **/*[o]*/** /**/ **/*.o* [A-Z]* [[:upper:]]*.[[:upper:]] \[b\] [[]b[]]`)
	pieces := strings.Fields(`* ** ? / a b d .o .txt foo [ab] [!a] [a-c] [[:alnum:]] \ ] [ - ! ^ é`)
	var lines []string
	for range r.IntN(5) {
		var p string
		switch r.IntN(4) {
		case 0:
			p = whole[r.IntN(len(whole))]
		case 1:
			p = names[r.IntN(len(names))]
			if i := r.IntN(len(p)); p[i] != '/' {
				p = p[:i] + pieces[r.IntN(len(pieces))] + p[i+1:]
			}
		default:
			for range 1 + r.IntN(5) {
				p += pieces[r.IntN(len(pieces))]
			}
		}
		prefix := []string{"", "", "", "!", "/", "!/"}[r.IntN(6)]
		lines = append(lines, prefix+p+[]string{"", "", "", "/", " ", "\\ ", "\r"}[r.IntN(7)])
	}
	return strings.Join(lines, "\n") + []string{"", "\n"}[r.IntN(2)]
}

// TestRandomTreesAsGit: without git, the same files are selected as git lists, for all
// forms of patterns and all files that git reads them from.
func TestRandomTreesAsGit(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: the trees have names that Windows can't store")
	}
	t.Parallel()
	const trees, rounds = 8, 30
	for seed := range uint64(trees) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 15))
			files := randomTree(r)
			dir := tree(t, files)
			git(t, dir, "init", "-q")
			excludes := filepath.Join(t.TempDir(), "excludes")
			git(t, dir, "config", "core.excludesFile", excludes)
			names := slices.Sorted(func(yield func(string) bool) {
				for name := range files {
					if !yield(name) {
						return
					}
				}
			})
			for range rounds {
				compareWithGit(t, r, dir, excludes, names)
			}
		})
	}
}

func compareWithGit(t *testing.T, r *rand.Rand, dir, excludes string, names []string) {
	sources := []string{filepath.Join(dir, ".gitignore"), filepath.Join(dir, ".git", "info", "exclude"), excludes}
	for _, name := range names {
		if i := strings.LastIndexByte(name, '/'); i > 0 && r.IntN(12) == 0 {
			sources = append(sources, filepath.Join(dir, filepath.FromSlash(name[:i]), ".gitignore"))
		}
	}
	told := ""
	for _, source := range sources {
		text := randomPatterns(r, names)
		told += fmt.Sprintf("%s: %q\n", strings.TrimPrefix(source, dir), text)
		if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	from := dir
	if i := strings.IndexByte(names[0], '/'); i > 0 && r.IntN(4) == 0 {
		from = filepath.Join(dir, names[0][:i]) // below the top
	}
	out, err := listFiles(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	s := choose(t, from, Options{withoutGit: true})
	got := []string{}
	for _, e := range s.Entries {
		if e.Kind == File {
			got = append(got, e.Path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	ignoredWhole := len(s.Notes) > 0 && s.Notes[0].Path == "."
	if diff := cmp.Diff(want, got); diff != "" && !ignoredWhole && !(len(out) == 0 && len(got) == 0) {
		t.Errorf("%s selected (-git +ours):\n%s", told, diff)
	}
	for _, source := range sources {
		if err := os.WriteFile(source, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
