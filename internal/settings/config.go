package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"
	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand/internal/durable"
)

// A Config is a user's config.yaml.
type Config struct {
	Path     string // of the file; it need not exist
	Context  string // the name of the one in use; empty: none
	Contexts []Context
	Defaults []Setting // of errand run
}

// A Context is a server, and as whom one uses it.
type Context struct {
	Name      string
	Server    string
	TokenFile string // absolute, or relative to the folder of config.yaml; may be empty
}

var contextNameRE = lazyRegexp(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// ValidContextName reports whether a context may have the name.
func ValidContextName(name string) bool { return contextNameRE().MatchString(name) }

// ReadConfig reads a config.yaml. One that doesn't exist is empty. Errors: *Error.
func ReadConfig(path string) (*Config, error) {
	c := &Config{Path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	r := reader{path}
	doc, err := r.document(f)
	if err != nil || doc == nil || doc.Tag == "!!null" {
		return c, err
	}
	err = r.fields(doc, "config.yaml", map[string]func(*yaml.Node) error{
		"context": func(n *yaml.Node) (err error) {
			c.Context, err = r.text(n, "context")
			return err
		},
		"contexts": func(n *yaml.Node) error { return r.contexts(c, n) },
		"defaults": func(n *yaml.Node) (err error) { c.Defaults, err = r.defaults(n); return err },
	})
	return c, err
}

func (r reader) contexts(c *Config, n *yaml.Node) error {
	return r.entries(n, "contexts", func(key, value *yaml.Node) error {
		ctx := Context{Name: key.Value}
		if !ValidContextName(ctx.Name) {
			return r.errorf(key, "the name of a context must be 1 to 64 letters, digits, hyphens, underscores and dots, got %q", ctx.Name)
		}
		what := fmt.Sprintf("context %q", ctx.Name)
		err := r.fields(value, what, map[string]func(*yaml.Node) error{
			"server":    func(n *yaml.Node) (err error) { ctx.Server, err = r.text(n, "server"); return err },
			"tokenFile": func(n *yaml.Node) (err error) { ctx.TokenFile, err = r.text(n, "tokenFile"); return err },
		})
		if err == nil && ctx.Server == "" {
			err = r.errorf(key, "%s has no server", what)
		}
		c.Contexts = append(c.Contexts, ctx)
		return err
	})
}

// defaults reads settings of errand run.
func (r reader) defaults(n *yaml.Node) (all []Setting, err error) {
	of := map[string]func(*yaml.Node) error{}
	for _, k := range SettingKinds {
		of[k.Key] = func(n *yaml.Node) error {
			s, err := r.setting(k, n)
			all = append(all, s)
			return err
		}
	}
	delete(of, "name")
	return all, r.fields(n, "defaults", of)
}

// UpdateConfig changes a config.yaml while no other process does.
func UpdateConfig(path string, change func(*Config) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	lock := flock.New(path + ".lock")
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock the configuration: %w", err)
	}
	defer func() { _ = lock.Unlock() }() // it ends with the process at the latest
	c, err := ReadConfig(path)
	if err != nil {
		return err
	}
	if err := change(c); err != nil {
		return err
	}
	return c.save()
}

// Find returns the context with the name. Errors: there is none.
func (c *Config) Find(name string) (Context, error) {
	for _, ctx := range c.Contexts {
		if ctx.Name == name {
			return ctx, nil
		}
	}
	if len(c.Contexts) == 0 {
		return Context{}, fmt.Errorf("there is no context %q: %s has none", name, c.Path)
	}
	return Context{}, fmt.Errorf("there is no context %q in %s; it has %s", name, c.Path, quoteList(c.Names()))
}

// Names are the names of all contexts.
func (c *Config) Names() []string {
	names := make([]string, len(c.Contexts))
	for i, ctx := range c.Contexts {
		names[i] = ctx.Name
	}
	return names
}

func quoteList(names []string) string {
	text := ""
	for i, n := range names {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", n)
	}
	return text
}

// TokenPath is the path of the context's token file; empty if it has none.
func (c *Config) TokenPath(ctx Context) string {
	if ctx.TokenFile == "" || filepath.IsAbs(ctx.TokenFile) {
		return ctx.TokenFile
	}
	return filepath.Join(filepath.Dir(c.Path), ctx.TokenFile)
}

// Set adds a context, or replaces the one with its name.
func (c *Config) Set(ctx Context) {
	for i := range c.Contexts {
		if c.Contexts[i].Name == ctx.Name {
			c.Contexts[i] = ctx
			return
		}
	}
	c.Contexts = append(c.Contexts, ctx)
}

// Delete removes a context. Errors: there is none.
func (c *Config) Delete(name string) error {
	if _, err := c.Find(name); err != nil {
		return err
	}
	c.Contexts = slices.DeleteFunc(c.Contexts, func(ctx Context) bool { return ctx.Name == name })
	if c.Context == name {
		c.Context = ""
	}
	return nil
}

// save writes the contexts to the file. The rest of it, comments too, stays.
func (c *Config) save() error {
	doc, err := c.savedDocument()
	if err != nil {
		return err
	}
	setField(doc, "context", c.Context)
	contexts := mappingOf(doc, "contexts")
	for i := len(contexts.Content) - 2; i >= 0; i -= 2 {
		if _, err := c.Find(contexts.Content[i].Value); err != nil {
			contexts.Content = slices.Delete(contexts.Content, i, i+2)
		}
	}
	for _, ctx := range c.Contexts {
		n := mappingOf(contexts, ctx.Name)
		setField(n, "server", ctx.Server)
		setField(n, "tokenFile", ctx.TokenFile)
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(doc), enc.Close()); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if err := durable.WriteFile(durable.OS, c.Path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

func (c *Config) savedDocument() (*yaml.Node, error) {
	b, err := os.ReadFile(c.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, reader{c.Path}.syntaxError(err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return &yaml.Node{Kind: yaml.MappingNode}, nil
	}
	return doc.Content[0], nil
}

// mappingOf is the mapping in a field of a mapping, which is added if it isn't there.
func mappingOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if at := resolve(n.Content[i+1]); n.Content[i].Value == key && at.Kind == yaml.MappingNode {
			if len(at.Content) == 0 {
				at.Style = 0 // not {}
			}
			return at
		}
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	putField(n, key, m)
	return m
}

// setField sets a field of a mapping to a text, or removes it if the text is empty.
func setField(n *yaml.Node, key, value string) {
	if value != "" {
		putField(n, key, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value})
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}

func putField(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if at := n.Content[i+1]; n.Content[i].Value == key {
			if at.Kind == yaml.ScalarNode && value.Kind == yaml.ScalarNode {
				at.SetString(value.Value) // its comments stay
				return
			}
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}
