package kv

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const memTableSize = 8 << 20 // grows to it from 256 KiB

func options(o Options, lock *pebble.Lock, cache *pebble.Cache) *pebble.Options {
	fs := vfs.FS(markersLast{o.FS, &replaced{}})
	if !o.NoSync {
		fs = preallocatedLogs{fs}
	}
	p := &pebble.Options{
		FS:                 fs,
		Lock:               lock,
		Cache:              cache,
		MemTableSize:       memTableSize,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             logger{o.Logf},
		EventListener: &pebble.EventListener{
			// The reader gets the error. Pebble's default is to end the program.
			DataCorruption: func(i pebble.DataCorruptionInfo) { logger{o.Logf}.Errorf("the store's file %s is damaged", i.Path) },
		},
	}
	// With the filters, a lookup of a key that doesn't exist (is this message a
	// duplicate?) reads no block. With large index blocks, which stay in the cache,
	// a lookup of one that exists reads one.
	p.Levels[0].FilterPolicy = bloom.FilterPolicy(10)
	p.Levels[0].IndexBlockSize = 256 << 10
	return p
}

// logger passes Pebble's errors on.
type logger struct {
	logf func(format string, args ...any)
}

func (l logger) Infof(string, ...any) {}

func (l logger) Errorf(format string, args ...any) {
	if l.logf != nil {
		l.logf(format, args...)
	}
}

// Fatalf ends the program: Pebble calls it where to continue would break
// durability. It panics on another goroutine, since net/http would recover from a
// panic on this one, while Pebble's locks are held.
func (l logger) Fatalf(format string, args ...any) {
	l.Errorf(format, args...)
	go func() { panic(fmt.Sprintf("store: "+format, args...)) }()
	select {}
}
