package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/settings"
	"github.com/errandhq/errand/internal/terminal"
)

// A connection is which server a command uses and as whom, and where that is set: by a
// flag, else in the environment, else in config.yaml, else by the local server.
type connection struct {
	context, contextFrom string
	server, serverFrom   string
	tokenFile, tokenFrom string // without a file, the token is in the environment
	isLocal              bool   // it is the local server, as it wrote down its address
}

// findConnection finds the connection of a command. Of the local server, the token is in
// localFile. An agent has no context: those are its user's.
func (a *app) findConnection(localFile string) (connection, error) {
	var c connection
	ctx, err := a.findContext(&c, localFile == agentTokenFile)
	if err != nil {
		return c, err
	}
	local, dataDir := a.localURL()
	switch {
	case a.server.server != "":
		c.server, c.serverFrom = a.server.server, "--server"
	case ctx != nil:
		c.server, c.serverFrom = ctx.Server, "context "+ctx.Name
	case a.getenv("ERRAND_SERVER") != "":
		c.server, c.serverFrom = a.getenv("ERRAND_SERVER"), "ERRAND_SERVER"
	case local != "":
		c.server, c.serverFrom = local, filepath.Join(dataDir, urlFile)
	default:
		return c, terminal.WithHint(errors.New("no server to connect to"),
			"start one with errand local, or name one with --server, ERRAND_SERVER or errand context")
	}
	if c.server, err = parseServerURL(c.server); err != nil {
		return c, faultOfServer(&c, err)
	}
	c.isLocal = c.server == strings.TrimSuffix(local, "/")
	return c, a.findToken(&c, ctx, filepath.Join(dataDir, localFile))
}

func faultOfServer(c *connection, err error) error {
	if filepath.Base(c.serverFrom) == urlFile {
		return fmt.Errorf("%s does not contain the local server's URL; restart errand local", c.serverFrom)
	}
	if c.serverFrom == "--server" {
		return err
	}
	return fmt.Errorf("%s: %w", c.serverFrom, err)
}

// findContext returns the context in use; nil if there is none, or a server is named
// with more weight.
func (a *app) findContext(c *connection, isAgent bool) (*settings.Context, error) {
	if a.server.context != "" && a.server.server != "" {
		return nil, terminal.UsageErrorf("--context and --server are mutually exclusive")
	}
	if isAgent || a.server.server != "" || a.server.context == "" && a.getenv("ERRAND_SERVER") != "" {
		return nil, nil
	}
	config, err := a.config()
	if err != nil {
		return nil, err
	}
	switch {
	case a.server.context != "":
		c.context, c.contextFrom = a.server.context, "--context"
	case a.getenv("ERRAND_CONTEXT") != "":
		c.context, c.contextFrom = a.getenv("ERRAND_CONTEXT"), "ERRAND_CONTEXT"
	case config.Context != "":
		c.context, c.contextFrom = config.Context, config.Path
	default:
		return nil, nil
	}
	ctx, err := config.Find(c.context)
	if err != nil {
		return nil, terminal.WithHint(fmt.Errorf("%s: %w", c.contextFrom, err), "list contexts with errand context list")
	}
	return &ctx, nil
}

// findToken finds where the token is. That of the local server goes to no other.
func (a *app) findToken(c *connection, ctx *settings.Context, localFile string) error {
	ofContext := ""
	if ctx != nil {
		config, err := a.config()
		if err != nil {
			return err
		}
		ofContext = config.TokenPath(*ctx)
	}
	switch {
	case a.server.tokenFile != "":
		c.tokenFile, c.tokenFrom = a.server.tokenFile, "--token-file"
	case ofContext != "" && c.contextFrom == "--context":
		c.tokenFile, c.tokenFrom = ofContext, "context "+ctx.Name
	case a.getenv("ERRAND_TOKEN_FILE") != "":
		c.tokenFile, c.tokenFrom = a.getenv("ERRAND_TOKEN_FILE"), "ERRAND_TOKEN_FILE"
	case strings.TrimSpace(a.getenv("ERRAND_TOKEN")) != "":
		c.tokenFrom = "ERRAND_TOKEN"
	case ofContext != "":
		c.tokenFile, c.tokenFrom = ofContext, "context "+ctx.Name
	case c.isLocal:
		c.tokenFile, c.tokenFrom = localFile, "the local server"
	default:
		return terminal.WithHint(errors.New("no token for this server"), "set --token-file, ERRAND_TOKEN_FILE or ERRAND_TOKEN"+a.localTokens())
	}
	return nil
}

// token reads the connection's token. origin says where it was found: a file, or a variable.
func (a *app) token(c *connection) (token, origin string, err error) {
	if c.tokenFile != "" {
		token, err = readToken(durable.OS, c.tokenFile)
		return token, c.tokenFile, err
	}
	t := strings.TrimSpace(a.getenv("ERRAND_TOKEN"))
	if err := checkToken(t); err != nil {
		return "", "", fmt.Errorf("ERRAND_TOKEN %w", err)
	}
	return t, "ERRAND_TOKEN", nil
}

// config reads the user's config.yaml, once.
func (a *app) config() (*settings.Config, error) {
	if a.configFile != nil {
		return a.configFile, nil
	}
	path := configPath(runtime.GOOS, a.getenv)
	if path == "" {
		return &settings.Config{}, nil
	}
	c, err := settings.ReadConfig(path)
	if err != nil {
		return nil, err
	}
	a.configFile = c
	return c, nil
}

// configPath is where a user's config.yaml is, by the rules of the OS; empty if that
// can't be known.
func configPath(goos string, getenv func(string) string) string {
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "errand", "config.yaml")
	}
	if goos == "windows" {
		if dir := getenv("AppData"); dir != "" {
			return filepath.Join(dir, "errand", "config.yaml")
		}
		return ""
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "errand", "config.yaml")
	}
	return ""
}
