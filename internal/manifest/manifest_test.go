package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(b)
	return b
}

func cut(t *testing.T, b []byte) (chunks [][]byte) {
	t.Helper()
	c := NewChunker()
	for range 2 { // the second time with buffers that are in use
		chunks = nil
		err := c.Cut(bytes.NewReader(b), func(h Hash, data []byte) error {
			if h != HashOf(data) {
				t.Error("the hash is not the chunk's")
			}
			chunks = append(chunks, bytes.Clone(data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(slices.Concat(chunks...), b) {
		t.Fatal("the chunks are not the content")
	}
	return chunks
}

func TestChunksOfAllLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, MinChunkBytes - 1, MinChunkBytes, MinChunkBytes + 1, MaxChunkBytes + 1, 10 << 20} {
		for i, c := range cut(t, randomBytes(1, n)) {
			if len(c) > MaxChunkBytes {
				t.Errorf("of %d bytes: chunk %d has %d", n, i, len(c))
			}
		}
	}
	if got := len(cut(t, nil)); got != 0 {
		t.Errorf("an empty file has %d chunks, want 0", got)
	}
	if got := len(cut(t, make([]byte, MaxChunkBytes))); got != MaxChunkBytes/MinChunkBytes {
		t.Errorf("zeros have %d chunks", got)
	}
}

// The first chunk of this content must stay what it is: another would mean that all
// that was ever sent is sent again.
func TestChunksStayTheSameOverVersions(t *testing.T) {
	t.Parallel()
	var got []int
	for _, c := range cut(t, randomBytes(7, 6<<20)) {
		got = append(got, len(c))
	}
	if want := []int{684579, 1968500, 351717, 1256055, 952831, 951948, 125826}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOneByteChangesOneOrTwoChunks(t *testing.T) {
	t.Parallel()
	b := randomBytes(2, 20<<20)
	before := map[Hash]bool{}
	for _, c := range cut(t, b) {
		before[HashOf(c)] = true
	}
	b = slices.Insert(b, 9<<20, 'x')
	fresh := 0
	for _, c := range cut(t, b) {
		if !before[HashOf(c)] {
			fresh++
		}
	}
	if fresh < 1 || fresh > 2 {
		t.Errorf("%d of %d chunks are new, want 1 or 2", fresh, len(before))
	}
}

func drawEntry(t *rapid.T) Entry {
	e := Entry{
		Path:    rapid.StringMatching(`[a-c\x01é]{1,3}(/[a-b]{1,2}){0,3}`).Draw(t, "path"),
		Kind:    rapid.SampledFrom([]Kind{Dir, File, Symlink, HardLink}).Draw(t, "kind"),
		Mode:    fs.FileMode(rapid.Uint32Range(0, 0o777).Draw(t, "mode")),
		ModTime: time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "sec"), rapid.Int64Range(0, 999_999_999).Draw(t, "nsec")),
	}
	switch e.Kind {
	case File:
		e.Size = rapid.Int64Range(0, 1<<62).Draw(t, "size")
		for i := range rapid.IntRange(0, 3).Draw(t, "chunks") {
			e.Chunks = append(e.Chunks, HashOf([]byte{byte(i)}))
		}
	case Symlink, HardLink:
		e.Target = rapid.StringN(0, 20, 4096).Draw(t, "target")
	case Dir:
		e.Mode |= rapid.SampledFrom([]fs.FileMode{0, fs.ModeSetgid, fs.ModeSticky}).Draw(t, "special")
	}
	return e
}

func TestEntriesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.Custom(drawEntry)).Draw(t, "entries")
		var out []Entry
		parts := Parts{Each: func(part []byte) error {
			return DecodePart(part, func(e Entry) error { out = append(out, e); return nil })
		}}
		for i := range in {
			if err := parts.Add(&in[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := parts.Flush(); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(in, out, cmp.Comparer(time.Time.Equal)); len(in)+len(out) > 0 && d != "" {
			t.Error(d)
		}
	})
}

func TestDecodePartOfAnythingEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		if len(b) > 0 {
			b[0] = rapid.SampledFrom([]byte("dflhx")).Draw(t, "kind")
		}
		n := 0
		_ = DecodePart(b, func(Entry) error { n++; return nil })
		if n > len(b) {
			t.Errorf("%d entries of %d bytes", n, len(b))
		}
	})
}

func TestOneChangedEntryChangesOnePart(t *testing.T) {
	t.Parallel()
	parts := func(change int) (all []Hash) {
		p := Parts{Each: func(part []byte) error { all = append(all, HashOf(part)); return nil }}
		for i := range 20_000 {
			if i == change {
				continue
			}
			e := Entry{Path: "dir/file" + string(rune('a'+i%26)) + time.Duration(i).String(), Kind: File, Size: 1, Chunks: []Hash{{}}}
			if err := p.Add(&e); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Flush(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := parts(-1)
	fresh := 0
	for _, h := range parts(10_001) {
		if !slices.Contains(before, h) {
			fresh++
		}
	}
	if len(before) < 10 || fresh != 1 {
		t.Errorf("%d of %d parts changed, want 1 of many", fresh, len(before))
	}
}

func TestCompareOrdersAsAWalkDoes(t *testing.T) {
	t.Parallel()
	walk := []string{"a", "a/b", "a/b/c", "a/b-", "a/z", "a b", "a!", "a-", "b", "b.c", "ba"}
	slices.SortFunc(walk[5:8], strings.Compare) // neighbours by their bytes
	got := slices.Clone(walk)
	rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, Compare)
	if !slices.Equal(got, walk) {
		t.Errorf("got %q, want %q", got, walk)
	}
}

func TestCheckPath(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{".", "a", "a/b", "a:b", `back\slash`, "..a", "a..", "é", "\xff", "aux.txt", "a b"} {
		if err := CheckPath(ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{"", "/", "/a", "a/", "a//b", "./a", "a/.", "..", "../a", "a/../b", "a/..", "a\x00b", strings.Repeat("a/", 2100) + "a"} {
		if CheckPath(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

// pack makes a pack of short, long and incompressible chunks.
func pack(tree *Tree) (Pack, [][]byte) {
	chunks := [][]byte{[]byte("a"), []byte("short"), bytes.Repeat([]byte("long "), 500_000), randomBytes(3, MaxChunkBytes)}
	for i := range 1000 {
		chunks = append(chunks, bytes.Repeat([]byte{byte(i)}, i+1))
	}
	var p Packer
	for _, c := range chunks {
		p.Add(HashOf(c), c)
	}
	return finish(&p, tree), chunks
}

func TestPackComesBack(t *testing.T) {
	t.Parallel()
	for _, tree := range []*Tree{nil, {}, {Parts: []Hash{HashOf(nil)}, Entries: 3, Bytes: 1 << 40}} {
		p, chunks := pack(tree)
		again, _ := pack(tree)
		if p.Hash != HashOf(p.Data) || again.Hash != p.Hash {
			t.Error("the same chunks give other packs")
		}
		r := bytes.NewReader(p.Data)
		x, err := ReadIndex(r, r.Size())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tree, x.Tree); d != "" {
			t.Error(d)
		}
		var got [][]byte
		for _, f := range x.Frames {
			raw, err := f.Read(r)
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range f.Chunks {
				c := raw[f.Starts[i]:f.Starts[i+1]]
				if HashOf(c) != h {
					t.Error("a chunk has another hash")
				}
				got = append(got, c)
			}
		}
		if !slices.EqualFunc(got, chunks, bytes.Equal) {
			t.Error("other chunks came back")
		}
	}
}

func TestDamagedPacksAreRefused(t *testing.T) {
	t.Parallel()
	var p Packer
	p.Add(HashOf([]byte("abc")), []byte("abc"))
	whole := finish(&p, &Tree{Parts: []Hash{{1}}}).Data
	for name, b := range map[string][]byte{
		"empty": nil, "short": whole[:8], "cut": whole[:len(whole)-1], "not one": randomBytes(4, 1000),
		"an index longer than the file": func() []byte {
			b := bytes.Clone(whole)
			binary.LittleEndian.PutUint32(b[len(b)-footerBytes:], uint32(len(b)))
			return b
		}(),
	} {
		if _, err := ReadIndex(bytes.NewReader(b), int64(len(b))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for i := range whole { // each byte damaged: an error, or other content, but no panic
		b := bytes.Clone(whole)
		b[i] ^= 0x55
		x, err := ReadIndex(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			continue
		}
		for _, f := range x.Frames {
			_, _ = f.Read(bytes.NewReader(b))
		}
	}
}

func TestABombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	bomb := frameEncoder().EncodeAll(make([]byte, 1<<30), nil)
	f := Frame{Size: len(bomb), Chunks: []Hash{{}}, Starts: []int{0, 100}}
	if _, err := f.Read(bytes.NewReader(bomb)); !errors.Is(err, ErrNotPack) {
		t.Errorf("got %v", err)
	}
	index := binary.LittleEndian.AppendUint32(bytes.Clone(bomb), uint32(len(bomb)))
	index = append(binary.LittleEndian.AppendUint32(index, 100), packMagic...)
	if _, err := ReadIndex(bytes.NewReader(index), int64(len(index))); !errors.Is(err, ErrNotPack) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkCut(b *testing.B) {
	data := randomBytes(5, 64<<20)
	b.SetBytes(int64(len(data)))
	c := NewChunker()
	for b.Loop() {
		_ = c.Cut(io.MultiReader(bytes.NewReader(data)), func(Hash, []byte) error { return nil })
	}
}

func finish(p *Packer, tree *Tree) Pack {
	pack, err := p.Finish(tree)
	if err != nil {
		panic(err) // it writes to memory
	}
	return pack
}

// TestCutAgainGivesTheSameChunks as Cut, whatever has changed.
func TestCutAgainGivesTheSameChunks(t *testing.T) {
	t.Parallel()
	old := randomBytes(3, 12<<20)
	var before []Chunk
	for _, c := range cut(t, old) {
		before = append(before, Chunk{HashOf(c), len(c)})
	}
	changed := bytes.Clone(old)
	changed[5<<20]++
	for name, b := range map[string][]byte{
		"the same": old, "a byte": changed, "inserted": slices.Insert(bytes.Clone(old), 3<<20, 'x'),
		"appended": append(bytes.Clone(old), "more"...), "much appended": append(bytes.Clone(old), old...), "shorter": old[:7<<20],
		"ends with a chunk": old[:before[0].Length+before[1].Length], "without the first chunk": old[before[0].Length:],
		"another": randomBytes(4, 5<<20), "short": old[:1000], "empty": {}, "zeros": make([]byte, 5<<20),
	} {
		var got, want []Chunk
		add := func(to *[]Chunk) func(Hash, []byte) error {
			return func(h Hash, data []byte) error {
				*to = append(*to, Chunk{h, len(data)})
				return nil
			}
		}
		if err := NewChunker().Cut(bytes.NewReader(b), add(&want)); err != nil {
			t.Fatal(err)
		}
		if err := NewChunker().CutAgain(bytes.NewReader(b), int64(len(b)), before, add(&got)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d chunks, want %d; %v", name, len(got), len(want), err)
		}
	}
}

// TestCutAgainLooksForNoEndThatItKnows: content that is the same is only hashed.
func TestCutAgainLooksForNoEndThatItKnows(t *testing.T) {
	t.Parallel()
	b := randomBytes(3, 12<<20)
	var before []Chunk
	for _, c := range cut(t, b) {
		before = append(before, Chunk{HashOf(c), len(c)})
	}
	b[5<<20]++
	r := &countingReader{ReaderAt: bytes.NewReader(b)}
	if err := NewChunker().CutAgain(r, int64(len(b)), before, func(Hash, []byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	// Twice: the chunks with the change and at the end, and what the chunker reads ahead.
	if most := int64(len(b)) + 2*MaxChunkBytes; r.n < int64(len(b)) || r.n > most {
		t.Errorf("it read %d of %d bytes, want at most %d", r.n, len(b), most)
	}
}

type countingReader struct {
	io.ReaderAt
	n int64
}

func (r *countingReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(b, off)
	r.n += int64(n)
	return n, err
}
