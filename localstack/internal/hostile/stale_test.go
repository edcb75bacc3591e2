package hostile

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestPastOfQuietTables: what is kept of tables goes though nothing writes to
// them again, and nothing is kept once it was closed.
func TestPastOfQuietTables(t *testing.T) {
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewManual(time.Unix(1_800_000_000, 0))
	p := NewStaleReads(NewRandom(1), DynamoDB{StaleMost: time.Second, IndexLagMost: 3 * time.Second}, store, c)
	for range 100 {
		p.BeforeWrite()
		c.Advance(2 * apart)
	}
	if len(p.moments) != 100 {
		t.Errorf("%d moments kept of 100", len(p.moments))
	}
	c.Advance(6 * time.Second)
	if len(p.moments) != 0 {
		t.Errorf("%d moments kept of tables that are quiet", len(p.moments))
	}
	if _, set := c.Next(); set {
		t.Error("an alarm is set for nothing")
	}
	p.BeforeWrite()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	p.BeforeWrite()
	c.Advance(time.Minute)
	if err := store.Close(); err != nil { // it says if a snapshot is left
		t.Error(err)
	}
}
