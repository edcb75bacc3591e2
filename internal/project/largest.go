package project

import (
	"cmp"
	"slices"
	"strings"
)

// A Part is a file, or a folder with all that is selected in it.
type Part struct {
	Path  string // of a folder with a trailing slash
	Bytes int64
}

// Largest returns up to n parts of the selection that make it large, the largest
// first: entries of the folder, or what makes up most of one of them.
func (s *Selection) Largest(n int) []Part {
	below := map[string]map[string]int64{} // folder → entry → bytes
	for i := range s.Entries {
		if e := &s.Entries[i]; e.Size > 0 {
			addSize(below, e.Path, e.Size)
		}
	}
	parts := largestOf(below[""], n)
	for i := range parts {
		for strings.HasSuffix(parts[i].Path, "/") {
			inner := largestOf(below[parts[i].Path], 1)
			if inner[0].Bytes*10 < parts[i].Bytes*9 {
				break
			}
			parts[i] = inner[0]
		}
	}
	return parts
}

func addSize(below map[string]map[string]int64, path string, size int64) {
	for at := path; at != ""; {
		dir := at[:strings.LastIndexByte(strings.TrimSuffix(at, "/"), '/')+1]
		if below[dir] == nil {
			below[dir] = map[string]int64{}
		}
		below[dir][at] += size
		at = dir
	}
}

func largestOf(entries map[string]int64, n int) []Part {
	var parts []Part
	for path, bytes := range entries {
		parts = append(parts, Part{path, bytes})
	}
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Path, b.Path)) })
	return parts[:min(n, len(parts))]
}
