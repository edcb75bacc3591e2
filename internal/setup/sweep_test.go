package setup

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/control"
)

// dueJobs is a store of which a sweep alone is asked.
type dueJobs struct {
	control.Store
	err error
}

func (d dueJobs) Due(context.Context, time.Time, func(control.DueRecord) bool) error { return d.err }

// A sweep that found nothing, as most do, is no news; one that failed is.
func TestSweepSaysWhatIsNews(t *testing.T) {
	for _, err := range []error{nil, errors.New("no answer")} {
		var out strings.Builder
		svc := control.NewService(control.Config{Store: dueJobs{err: err}, Log: slog.New(slog.NewTextHandler(&out, nil))})
		if _, got := Sweep(svc)(t.Context()); !errors.Is(got, err) {
			t.Errorf("the sweep ended with %v, want %v", got, err)
		}
		if said := strings.Contains(out.String(), "msg=sweep"); said != (err != nil) {
			t.Errorf("with error %v the log is %q", err, out.String())
		}
	}
}
