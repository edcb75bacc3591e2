package kv

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/httplimit"
)

const memTableSize = 8 << 20 // grows to it from 256 KiB

// maxTables is the most tables that are kept open. Each is a descriptor.
const maxTables = 1000

func options(o Options, lock *pebble.Lock, cache *pebble.Cache, space *diskSpace, patience *patience) *pebble.Options {
	fs := vfs.FS(markersLast{patientFS{o.FS, patience}, &replaced{}})
	if !o.NoSync {
		fs = preallocatedLogs{fs, space, patience}
	}
	log := logger{o.Logf}
	p := &pebble.Options{
		FS:                 fs,
		Lock:               lock,
		Cache:              cache,
		MemTableSize:       memTableSize,
		FormatMajorVersion: pebble.FormatNewest,
		MaxOpenFiles:       min(httplimit.OpenFiles()/8, maxTables),
		Logger:             log,
		EventListener: &pebble.EventListener{
			// The reader gets the error. Pebble's default is to end the program.
			DataCorruption:  func(i pebble.DataCorruptionInfo) { log.Errorf("the store's file %s is damaged", i.Path) },
			BackgroundError: (&backgroundErrors{log: log}).note,
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

// backgroundErrors logs the errors of flushes and compactions. Pebble repeats those
// until they succeed, so an error that was logged within errorInterval is left out.
type backgroundErrors struct {
	log    logger
	mu     sync.Mutex
	logged time.Time
}

const errorInterval = time.Minute

func (b *backgroundErrors) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); now.Sub(b.logged) >= errorInterval {
		b.logged = now
		b.log.Errorf("the store tries again: %v", err)
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
