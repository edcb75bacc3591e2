package cli

import (
	"strings"

	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// cacheFlags say which files the job finds again.
type cacheFlags struct{ caches []string }

func (f *cacheFlags) add(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.caches, "cache", nil, `restore these paths before the commands, and save them after a success: `+"`KEY=PATH[,PATH]`"+`, like 'go-{{ checksum "go.sum" }}=~/.cache/go-build'; can be repeated`)
}

func (f *cacheFlags) addTo(body *api.CreateJob) error {
	for _, text := range f.caches {
		key, paths, ok := cutCache(text)
		if !ok || key == "" || paths == "" {
			return terminal.UsageErrorf(`--cache must be KEY=PATH[,PATH…], like 'go-{{ checksum "go.sum" }}=~/.cache/go-build', got %q`, text)
		}
		c := errand.Cache{Key: key, Paths: strings.Split(paths, ",")}
		if _, err := errand.ParseCacheKey(key); err != nil {
			return terminal.UsageErrorf("--cache %s: the key: %v", text, err)
		}
		c.SetDefaultPrefix()
		body.Cache = append(body.Cache, c)
	}
	return nil
}

// cutCache cuts a value at the first equals sign outside of templates.
func cutCache(s string) (key, paths string, ok bool) {
	from := 0
	if end := strings.LastIndex(s, "}}"); end >= 0 {
		from = end
	}
	i := strings.IndexByte(s[from:], '=')
	if i < 0 {
		return "", "", false
	}
	return s[:from+i], s[from+i+1:], true
}
