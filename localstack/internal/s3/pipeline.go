package s3

import (
	"fmt"
	"sync"
)

// A pipeline hashes and writes a body in its order, while the next buffers are
// read. MD5, the slowest, has a goroutine of its own: a large body takes about as
// long as its MD5. Without it, that goroutine computes the checksums.
type pipeline struct {
	digest       *digest
	allocated    int
	free         chan []byte
	full, hashed chan []byte
	failed       chan error // the first failure to write, once
	wg           sync.WaitGroup
	err          error // what failed gave
}

const (
	bufferSize      = 256 << 10
	pipelineBuffers = 8 // MD5 has work for milliseconds while the disk or the sender stalls
)

func newPipeline(w *bodyWriter, d *digest) *pipeline {
	p := &pipeline{
		digest: d, free: make(chan []byte, pipelineBuffers),
		full: make(chan []byte, pipelineBuffers), hashed: make(chan []byte, pipelineBuffers), failed: make(chan error, 1),
	}
	p.wg.Go(func() {
		defer close(p.hashed)
		for b := range p.full {
			if d.md5 == nil {
				d.addSums(b)
			} else {
				d.addMD5(b)
			}
			p.hashed <- b
		}
	})
	p.wg.Go(func() { p.write(w) })
	return p
}

// buffer returns one to fill, or the failure of a write.
func (p *pipeline) buffer() ([]byte, error) {
	if len(p.free) == 0 && p.allocated < pipelineBuffers {
		p.allocated++
		return make([]byte, bufferSize), nil
	}
	select {
	case p.err = <-p.failed:
		return nil, p.err
	case b := <-p.free:
		return b, nil
	}
}

// pass hashes and writes b.
func (p *pipeline) pass(b []byte) {
	if p.digest.md5 != nil {
		p.digest.addSums(b)
	}
	p.full <- b
}

// write comes last: a vfs.File may change what it writes.
func (p *pipeline) write(w *bodyWriter) {
	failed := false
	for b := range p.hashed {
		if !failed && len(b) > 0 {
			if _, err := w.Write(b); err != nil {
				failed = true
				p.failed <- fmt.Errorf("write a body: %w", err)
			}
		}
		p.free <- b[:cap(b)]
	}
}

// finish waits for what is under way and returns the first failure to write.
func (p *pipeline) finish() error {
	close(p.full)
	p.wg.Wait()
	if p.err == nil {
		select {
		case p.err = <-p.failed:
		default:
		}
	}
	return p.err
}
