package control_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/errandhq/errand/internal/control"
)

// TestLimit: of three calls within a limit of two, the third one is made when another has
// returned, unless its context ends before.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := control.NewLimit(2)
		end := make(chan struct{})
		made := 0
		var mu sync.Mutex
		call := func() (int, error) {
			mu.Lock()
			made++
			mu.Unlock()
			<-end
			return 7, nil
		}
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				if got, err := control.Limited(t.Context(), l, call); got != 7 || err != nil {
					t.Errorf("the call returned %d, %v", got, err)
				}
			})
		}
		synctest.Wait()
		if made != 2 {
			t.Errorf("%d calls are in progress, want 2", made)
		}
		gone, leave := context.WithCancelCause(t.Context())
		cause := errors.New("gone")
		leave(cause)
		if _, err := control.Limited(gone, l, call); !errors.Is(err, cause) {
			t.Errorf("after its context's end, the call returned %v, want %v", err, cause)
		}
		end <- struct{}{}
		synctest.Wait()
		if made != 3 {
			t.Errorf("%d calls were made after one had returned, want 3", made)
		}
		close(end)
		calls.Wait()
	})
}
