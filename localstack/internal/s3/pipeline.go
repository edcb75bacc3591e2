package s3

import (
	"fmt"
	"sync"
)

// A pipeline sums, hashes and writes the buffers of a body, each on a goroutine
// of its own, in their order: MD5, which no processor helps with, is what a large
// body waits for, and nothing else should wait behind it.
type pipeline struct {
	free                 chan *[]byte // buffers to fill
	full, summed, hashed chan filled
	failed               chan error // the first failure to write, once
	wg                   sync.WaitGroup
	err                  error // what failed gave
}

// filled is the first n bytes of a buffer.
type filled struct {
	buf *[]byte
	n   int
}

// pipelineBuffers are enough for MD5 to have work for milliseconds while all else
// waits, be it for the disk.
const pipelineBuffers = 8

func newPipeline(f *bodyWriter, d *digest) *pipeline {
	p := &pipeline{
		free: make(chan *[]byte, pipelineBuffers),
		full: make(chan filled, pipelineBuffers), summed: make(chan filled, pipelineBuffers), hashed: make(chan filled, pipelineBuffers),
		failed: make(chan error, 1),
	}
	for range pipelineBuffers {
		p.free <- buffers.Get().(*[]byte)
	}
	p.wg.Go(func() { stage(p.full, p.summed, d.addSums) })
	p.wg.Go(func() { stage(p.summed, p.hashed, d.addMD5) })
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
func (p *pipeline) pass(buf *[]byte, n int) { p.full <- filled{buf, n} }

// stage does something with each buffer, and only then passes it on: the last
// stage, the file, may change it.
func stage(in <-chan filled, out chan<- filled, do func([]byte)) {
	defer close(out)
	for b := range in {
		do((*b.buf)[:b.n])
		out <- b
	}
}

func (p *pipeline) write(f *bodyWriter) {
	var failed error
	for b := range p.hashed {
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
	close(p.full)
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
