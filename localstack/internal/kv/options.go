package kv

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const memTableSize = 8 << 20 // grows to it from 256 KiB

func options(dir string, o Options, lock *pebble.Lock, cache *pebble.Cache) *pebble.Options {
	fs := vfs.FS(markersLast{o.FS, &replaced{}})
	if !o.NoSync { // who never syncs has nothing of it
		fs = logsAhead{syncedAbove{fs, fs.PathDir(dir)}}
	}
	p := &pebble.Options{
		FS:                 fs,
		Lock:               lock,
		Cache:              cache,
		MemTableSize:       memTableSize,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             logger{o.Logf},
		EventListener: &pebble.EventListener{
			// Whoever reads gets the error; the default would end the program.
			DataCorruption: func(i pebble.DataCorruptionInfo) { logger{o.Logf}.Errorf("the store's file %s is damaged", i.Path) },
		},
	}
	// Lookups of what isn't there (is this a duplicate?) read no block with the
	// filters, and those of what is there read one: the index is cached whole.
	p.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	p.Levels[0].IndexBlockSize = 256 << 10
	return p
}

// logger passes Pebble's log on.
type logger struct {
	logf func(format string, args ...any)
}

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	if l.logf != nil {
		l.logf(format, args...)
	}
}

// Fatalf ends the program: Pebble calls it where going on would break the
// durability that it has promised. It never returns, and what it throws isn't
// the caller's to recover: net/http would, with Pebble's locks held.
func (l logger) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	go func() { panic(fmt.Sprintf("store: "+format, args...)) }()
	select {}
}
