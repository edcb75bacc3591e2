package upload

import (
	"bytes"
	"encoding/gob"
	"slices"
	"strings"

	"github.com/errandhq/errand/internal/manifest"
	"github.com/errandhq/errand/internal/project"
)

// Cache remembers a folder: see project.Cache. It is only a hint: the server says what is
// there.
type Cache interface {
	// Get returns what Put stored for a file that has not changed since.
	Get(e *project.Entry) (value []byte, ok bool)
	Put(e *project.Entry, value []byte)
	// Last returns what Put stored for the file of this name, whatever has changed since.
	Last(e *project.Entry) []byte
	// State returns what SetState stored for the folder.
	State() []byte
	SetState(state []byte)
}

// noCache remembers nothing.
type noCache struct{}

func (noCache) Get(*project.Entry) ([]byte, bool) { return nil, false }
func (noCache) Put(*project.Entry, []byte)        {}
func (noCache) Last(*project.Entry) []byte        { return nil }
func (noCache) State() []byte                     { return nil }
func (noCache) SetState([]byte)                   {}

// pack is a pack that was sent, or will be.
type pack struct {
	hash   string
	size   int64
	chunks []packChunk
	used   int64 // bytes of chunks that the manifest needs
}

type packChunk struct {
	hash   manifest.Hash
	length int32
}

func (p *pack) bytes() (n int64) {
	for _, c := range p.chunks {
		n += int64(c.length)
	}
	return n
}

// lastRoot is a manifest that was sent.
type lastRoot struct {
	key   manifest.Hash
	packs []*pack // the root first
}

// Which packs are used again: those of which at least a quarter is needed, and not too
// many small ones. What the others have is sent again, in fewer packs.
const (
	usedShare     = 4
	smallPack     = 1 << 20
	maxSmallPacks = 16
	maxKeptPacks  = 48
)

// worthKeeping returns the packs that are used again for a folder that has changed.
func worthKeeping(packs []*pack) []*pack {
	var large, small []*pack
	for _, p := range packs {
		switch {
		case p.used == 0 || p.used*usedShare < p.bytes():
		case p.used < smallPack:
			small = append(small, p)
		default:
			large = append(large, p)
		}
	}
	if len(small) > maxSmallPacks {
		small = nil
	}
	slices.SortStableFunc(large, func(a, b *pack) int { return int(b.used - a.used) })
	return append(large[:min(len(large), maxKeptPacks-maxSmallPacks)], small...)
}

func sortPacks(packs []*pack) {
	slices.SortFunc(packs, func(a, b *pack) int { return strings.Compare(a.hash, b.hash) })
}

// state is a lastRoot in columns, which gob encodes fast.
type state struct {
	Version string
	Key     manifest.Hash
	Packs   []string
	Sizes   []int64
	Used    []int64
	Counts  []int
	Chunks  []byte // hashes
	Lengths []int32
}

// stateVersion changes with the form of what is sent.
const stateVersion = "packs 1"

func encodeState(l *lastRoot) []byte {
	s := state{Version: stateVersion, Key: l.key}
	for _, p := range l.packs {
		s.Packs, s.Sizes, s.Used, s.Counts = append(s.Packs, p.hash), append(s.Sizes, p.size), append(s.Used, p.used), append(s.Counts, len(p.chunks))
		for i := range p.chunks {
			s.Chunks = append(s.Chunks, p.chunks[i].hash[:]...)
			s.Lengths = append(s.Lengths, p.chunks[i].length)
		}
	}
	var b bytes.Buffer
	_ = gob.NewEncoder(&b).Encode(&s) // of numbers and bytes: can't fail
	return b.Bytes()
}

// decodeState returns nil if there is no state, or that of another version.
func decodeState(b []byte) *lastRoot {
	var s state
	if gob.NewDecoder(bytes.NewReader(b)).Decode(&s) != nil || s.Version != stateVersion {
		return nil
	}
	l, all := &lastRoot{key: s.Key}, decodeHashes(s.Chunks)
	for i, hash := range s.Packs {
		p := &pack{hash: hash, size: s.Sizes[i], used: s.Used[i]}
		for range s.Counts[i] {
			p.chunks = append(p.chunks, packChunk{all[0], s.Lengths[0]})
			all, s.Lengths = all[1:], s.Lengths[1:]
		}
		l.packs = append(l.packs, p)
	}
	return l
}

func encodeHashes(all []manifest.Hash) []byte {
	b := make([]byte, 0, len(all)*len(manifest.Hash{}))
	for i := range all {
		b = append(b, all[i][:]...)
	}
	return b
}

func decodeHashes(b []byte) []manifest.Hash {
	all := make([]manifest.Hash, len(b)/len(manifest.Hash{}))
	for i := range all {
		copy(all[i][:], b[i*len(all[i]):])
	}
	return all
}
