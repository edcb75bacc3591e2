package localstack

import (
	"testing"

	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/durable/durabletest"
)

// TestCredentialsSurvivePowerCut: a start after a power cut reads the key, or
// creates one. It never finds a damaged file, and a key that was returned stays.
func TestCredentialsSurvivePowerCut(t *testing.T) {
	const dir = "data"
	var returned Credentials
	write := func(fsys durable.FS) (err error) {
		returned, err = loadCredentials(fsys, dir)
		return err
	}
	durabletest.CutPower(t, dir, nil, write, func(t *testing.T, fsys durable.FS, done bool) {
		c, err := loadCredentials(fsys, dir)
		if err != nil {
			t.Fatal(err)
		}
		if done && c != returned {
			t.Errorf("the key is %+v, and was %+v", c, returned)
		}
	})
}
