package s3

import (
	"fmt"
	"sync"
)

// A pipeline hashes and writes the buffers of a body, each on a goroutine of its
// own, in their order: MD5, which no processor helps with, is what a large
// body waits for, and nothing else should wait behind it.
type pipeline struct {
	free            chan *[]byte // buffers to fill
	hashing, writes chan filled
	failed          chan error // the first failure to write, once
	wg              sync.WaitGroup
	err             error // what failed gave
}

// filled is the first n bytes of a buffer.
type filled struct {
	buf *[]byte
	n   int
}

const pipelineBuffers = 4

func newPipeline(f *draft, d *digest) *pipeline {
	p := &pipeline{
		free:    make(chan *[]byte, pipelineBuffers),
		hashing: make(chan filled, pipelineBuffers), writes: make(chan filled, pipelineBuffers),
		failed: make(chan error, 1),
	}
	for range pipelineBuffers {
		p.free <- buffers.Get().(*[]byte)
	}
	p.wg.Go(func() { p.hash(d) })
	p.wg.Go(func() { p.write(f) })
	return p
}

// next is a buffer to fill, or the failure that makes it pointless.
func (p *pipeline) next() (*[]byte, error) {
	select {
	case p.err = <-p.failed:
		return nil, p.err
	case buf := <-p.free:
		return buf, nil
	}
}

// pass sends n bytes of a buffer on their way.
func (p *pipeline) pass(buf *[]byte, n int) { p.hashing <- filled{buf, n} }

func (p *pipeline) hash(d *digest) {
	defer close(p.writes)
	for b := range p.hashing {
		_, _ = d.Write((*b.buf)[:b.n])
		p.writes <- b // after it: the file may change the buffer
	}
}

func (p *pipeline) write(f *draft) {
	var failed error
	for b := range p.writes {
		if failed == nil && b.n > 0 {
			if _, err := f.Write((*b.buf)[:b.n]); err != nil {
				failed = fmt.Errorf("write a body: %w", err)
				p.failed <- failed
			}
		}
		p.free <- b.buf
	}
}

// finish waits for what is under way and returns the first failure to write.
func (p *pipeline) finish() error {
	close(p.hashing)
	p.wg.Wait()
	close(p.free)
	for buf := range p.free {
		buffers.Put(buf)
	}
	if p.err == nil {
		select {
		case p.err = <-p.failed:
		default:
		}
	}
	return p.err
}
