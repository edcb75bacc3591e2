package s3_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// Nobody waits for the file of a large object to be freed, be it replaced or
// deleted, but Close; with as many under way as there may be, a write waits for
// its own.
func TestLargeRemoval(t *testing.T) {
	t.Parallel()
	mem, begun, free := vfs.NewMem(), make(chan struct{}, 16), make(chan struct{})
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpRemove && strings.Contains(op.Path, "bodies") {
			begun <- struct{}{}
			<-free
		}
		return nil
	}))
	e, stop := open(t, fs, "", clock.Real())
	check(t, e.CreateBucket("bkt", "us-east-1"))
	large := strings.Repeat("x", 5<<20)
	check(t, put(e, "k", large))
	for range 3 {
		check(t, put(e, "k", large))
	}
	check(t, e.DeleteObject("bkt", "k", s3.Conditions{}))
	for range 4 {
		<-begun
	}
	check(t, put(e, "k", large))
	fifth := make(chan error)
	go func() { fifth <- put(e, "k", "small") }()
	<-begun
	select {
	case <-fifth:
		t.Error("a fifth removal was left for later")
	default:
	}
	close(free)
	check(t, <-fifth)
	stop()
	if n := len(bodies(t, mem, "")); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// After Close, removals are waited for.
func TestRemovalAfterClose(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	e, stop := open(t, mem, "", clock.Real())
	defer stop()
	check(t, e.CreateBucket("bkt", "us-east-1"))
	check(t, put(e, "k", strings.Repeat("x", 5<<20)))
	e.Close()
	check(t, put(e, "k", "small"))
	if n := len(bodies(t, mem, "")); n != 0 {
		t.Errorf("%d files are left", n)
	}
}
