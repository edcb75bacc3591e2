package settings_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/errandhq/errand/internal/settings"
)

// TestUpdateConfigAtOnce: of several changes at the same time, none is lost.
func TestUpdateConfigAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "errand", "config.yaml")
	const n = 20
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			err := settings.UpdateConfig(path, func(c *settings.Config) error {
				c.Set(settings.Context{Name: fmt.Sprint("c", i), Server: "http://127.0.0.1:1"})
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	c, err := settings.ReadConfig(path)
	if err != nil || len(c.Contexts) != n {
		t.Errorf("%d contexts, %v", len(c.Contexts), err)
	}
}
