package cli

import (
	"maps"
	"testing"

	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/durable/durabletest"
)

// TestTokensSurvivePowerCut: after a power cut, every token file has a whole
// token or doesn't exist, and tokens that were returned are still there.
func TestTokensSurvivePowerCut(t *testing.T) {
	t.Parallel()
	const dir = "/data"
	var made localTokens
	write := func(fsys durable.FS) (err error) {
		made, err = openTokens(fsys, dir)
		return err
	}
	durabletest.CutPower(t, dir, nil, write, func(t *testing.T, fsys durable.FS, done bool) {
		after, err := openTokens(fsys, dir)
		if err != nil {
			t.Fatal(err)
		}
		if done && !maps.Equal(after, made) {
			t.Errorf("tokens after the cut: %v, want %v", after, made)
		}
		for _, f := range tokenFiles {
			if _, err := fsys.ReadFile(fsys.PathJoin(dir, f.file)); err != nil {
				t.Errorf("%s: %v", f.file, err)
			}
		}
	})
}
