package settings

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand"
)

// caches reads a list of {key: …, paths: […], prefixes: […]}, or one.
func (r reader) caches(n *yaml.Node) ([]errand.Cache, error) {
	at := resolve(n)
	if at.Kind != yaml.SequenceNode {
		c, err := r.cache(at, "cache")
		return []errand.Cache{c}, err
	}
	all := make([]errand.Cache, len(at.Content))
	for i, item := range at.Content {
		var err error
		if all[i], err = r.cache(item, fmt.Sprintf("cache[%d]", i)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (r reader) cache(n *yaml.Node, what string) (c errand.Cache, err error) {
	err = r.fields(n, what, map[string]func(*yaml.Node) error{
		"key":      func(n *yaml.Node) (err error) { c.Key, err = r.cacheKey(n, what+".key"); return err },
		"paths":    func(n *yaml.Node) (err error) { c.Paths, err = r.texts(n, what+".paths"); return err },
		"prefixes": func(n *yaml.Node) (err error) { c.Prefixes, err = r.texts(n, what+".prefixes"); return err },
	})
	switch {
	case err != nil:
	case c.Key == "":
		err = r.errorf(n, "%s has no key", what)
	case len(c.Paths) == 0:
		err = r.errorf(n, "%s has no paths", what)
	}
	c.SetDefaultPrefix()
	return c, err
}

func (r reader) cacheKey(n *yaml.Node, what string) (string, error) {
	key, err := r.text(n, what)
	if err != nil {
		return "", err
	}
	if _, err := errand.ParseCacheKey(key); err != nil {
		return "", r.errorf(n, "%s: %v", what, err)
	}
	return key, nil
}
