package agent

import (
	"maps"
	"runtime"
	"strconv"

	"github.com/errandhq/errand"
)

// labels are those of the worker: the configured ones, and what is measured.
func (a *Agent) labels() map[string]string {
	all := map[string]string{errand.LabelCPUs: strconv.Itoa(runtime.NumCPU())}
	if n := totalMemory(); n > 0 {
		all[errand.LabelMemory] = strconv.FormatInt(n>>20, 10) + "M"
	}
	maps.Copy(all, a.Labels)
	return all
}
