package gopool_test

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/errandhq/errand/localstack/internal/gopool"
)

// goroutine identifies the current goroutine.
func goroutine() string {
	b := make([]byte, 64)
	return strings.Fields(string(b[:runtime.Stack(b, false)]))[1]
}

// TestGoroutinesAreKept: functions that follow each other have one goroutine, functions at
// a time have one each, and after Close there is none.
func TestGoroutinesAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		var p gopool.Pool
		seen := map[string]int{}
		for range 10 {
			p.Go(func() { seen[goroutine()]++ })
			synctest.Wait()
		}
		if len(seen) != 1 {
			t.Errorf("ten functions, one after the other, ran in goroutines %v", seen)
		}
		var mu sync.Mutex
		end := make(chan struct{})
		clear(seen)
		for range 100 {
			p.Go(func() {
				mu.Lock()
				seen[goroutine()]++
				mu.Unlock()
				<-end
			})
		}
		synctest.Wait()
		if len(seen) != 100 {
			t.Errorf("100 functions at a time ran in %d goroutines", len(seen))
		}
		close(end)
		synctest.Wait()
		p.Close()
		ran := false
		p.Go(func() { ran = true })
		synctest.Wait()
		if !ran {
			t.Error("Go does nothing after Close")
		}
	})
}

// TestEndedGoroutine: a function that ends its goroutine takes no other's.
func TestEndedGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p gopool.Pool
		defer p.Close()
		ran := 0
		for range 3 {
			p.Go(runtime.Goexit)
			p.Go(func() { ran++ })
			synctest.Wait()
		}
		if ran != 3 {
			t.Errorf("%d of 3 functions ran", ran)
		}
	})
}

// TestLabels: a function has no profiler labels of who called Go.
func TestLabels(t *testing.T) {
	var p gopool.Pool
	defer p.Close()
	const label = "gopool-label"
	var profile bytes.Buffer
	pprof.Do(t.Context(), pprof.Labels(label, "x"), func(context.Context) {
		done := make(chan error)
		p.Go(func() { done <- pprof.Lookup("goroutine").WriteTo(&profile, 1) })
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if n := strings.Count(profile.String(), label); n != 1 {
		t.Errorf("%d goroutines have the caller's label, want the caller alone", n)
	}
}
