package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/internal/version"
)

// serverFlags say which server a client command talks to, and as whom.
type serverFlags struct {
	server    string
	tokenFile string
	context   string
}

func (a *app) addServerFlags(cmd *cobra.Command) {
	a.addAgentServerFlags(cmd)
	terminal.AddFlags(cmd, terminal.CommonFlags, func(fl *pflag.FlagSet) {
		fl.StringVar(&a.server.context, "context", "", "`name` of the context, one of errand context list (default $ERRAND_CONTEXT, else the one in use)")
	})
	if err := cmd.RegisterFlagCompletionFunc("context", a.completeContexts); err != nil {
		panic(err) // the flag was added above
	}
}

// addAgentServerFlags are the server flags of a command without a context.
func (a *app) addAgentServerFlags(cmd *cobra.Command) {
	terminal.AddFlags(cmd, terminal.CommonFlags, func(fl *pflag.FlagSet) {
		fl.StringVar(&a.server.server, "server", "", "`URL` of the server (default $ERRAND_SERVER, else the local server)")
		fl.StringVar(&a.server.tokenFile, "token-file", "", "`file` with the token (default $ERRAND_TOKEN_FILE, else $ERRAND_TOKEN, else the local server's)")
	})
}

// What the local server leaves in its data directory.
const (
	urlFile        = "url"
	userTokenFile  = "user.token"
	agentTokenFile = "agent.token"
	adminTokenFile = "admin.token"
)

// client makes the API client that flags and environment describe.
func (a *app) client() (*api.Client, error) { return a.clientAs(userTokenFile) }

// clientAs is client, where the local server's token is the one in localFile.
func (a *app) clientAs(localFile string) (*api.Client, error) {
	at, err := a.findConnection(localFile)
	if err != nil {
		return nil, err
	}
	token, origin, err := a.token(&at)
	if err != nil {
		return nil, err
	}
	if err := a.checkRole(token, origin, localFile); err != nil {
		return nil, err
	}
	c := newClient(at.server, token)
	c.TraceParent = a.traceParent()
	return c, nil
}

func newClient(server, token string) *api.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = storageTimeout
	// A dead HTTP/2 connection would be used again by the next try.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: requestTimeout / 2, PingTimeout: requestTimeout}
	return &api.Client{
		BaseURL: server, Token: token, UserAgent: "errand/" + version.Get().Short(),
		HTTP: &http.Client{Transport: transport, CheckRedirect: noRedirect},
	}
}

// noRedirect keeps the token with the server that was named.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// localURL is where the local server of the default data directory serves, as it
// wrote down when it started.
func (a *app) localURL() (server, dataDir string) {
	dataDir, err := defaultDataDir(a.getenv)
	if err != nil {
		return "", ""
	}
	b, err := os.ReadFile(filepath.Join(dataDir, urlFile))
	if err != nil {
		return "", dataDir
	}
	return strings.TrimSpace(string(b)), dataDir
}

func readToken(fsys durable.FS, file string) (string, error) {
	b, err := fsys.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	t := strings.TrimSpace(string(b))
	if err := checkToken(t); err != nil {
		return "", fmt.Errorf("read token: %s %w", file, err)
	}
	return t, nil
}

// tokenStart matches the beginning of a token that Errand made.
var tokenStart = regexp.MustCompile(`^er[uadw]_`)

// checkToken refuses what no server gave out. Its error continues a sentence that
// begins with the token's place.
func checkToken(t string) error {
	if t == "" || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("must contain exactly one token, and nothing else")
	}
	if _, whole := errand.RoleOfToken(t); !whole && tokenStart.MatchString(t) {
		return errors.New("contains only a part of a token")
	}
	return nil
}

// checkRole refuses a token that the command can't use, judged by its form: an
// agent's for the client commands, and any other for an agent. It names the right
// file: the one beside what was read, else the local server's.
func (a *app) checkRole(token, origin, want string) error {
	role, known := errand.RoleOfToken(token)
	if !known || (role == errand.RoleAgent) == (want == agentTokenFile) && role != errand.RoleWorker {
		return nil
	}
	need, hint := "a user's (eru_…) or an admin's (erd_…)", "set --token-file to a file with such a token"
	if want == agentTokenFile {
		need = "an agent's (era_…)"
	}
	var dirs []string
	if origin != "ERRAND_TOKEN" {
		dirs = append(dirs, filepath.Dir(origin))
	}
	if _, dataDir := a.localURL(); dataDir != "" {
		dirs = append(dirs, dataDir)
	}
	for _, dir := range dirs {
		if file := filepath.Join(dir, want); isFile(file) {
			hint = "use --token-file " + errand.QuoteWord(file)
			break
		}
	}
	return terminal.WithHint(fmt.Errorf("the token in %s is of role %s; this command needs %s", origin, role, need), hint)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// parseServerURL returns the server's URL without a slash at its end.
func parseServerURL(server string) (string, error) {
	u, err := url.Parse(server)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", terminal.UsageErrorf("the server must be a URL like http://127.0.0.1:8080, got %q", server)
	case u.User != nil:
		return "", terminal.UsageErrorf("the server's URL must not contain a user or a password; set the token with --token-file")
	case strings.Trim(u.Path, "/") != "":
		return "", terminal.UsageErrorf("the server's URL must not have a path, got %q; use %s", u.Path, u.Scheme+"://"+u.Host)
	case u.RawQuery != "" || u.Fragment != "":
		return "", terminal.UsageErrorf("the server's URL must end after host and port: use %s", u.Scheme+"://"+u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

// doctorHint ends a hint that errand doctor goes on from.
const doctorHint = " errand doctor checks more"

// hintFor returns what the user can do about an error of a call of the API, or "".
func (a *app) hintFor(err error) string {
	var op *net.OpError
	var status *api.ResponseError
	switch {
	case errors.As(err, &op) && op.Op == opProxy:
		return "the proxy of HTTPS_PROXY or HTTP_PROXY can't be reached; correct it, or add the server's host to NO_PROXY"
	case errors.As(err, &op) && op.Op == "dial":
		return "is errand local running? is the server's address correct?" + doctorHint
	case errors.Is(err, context.DeadlineExceeded):
		return "the server accepts connections but does not answer; is the server's address correct?"
	case errors.As(err, &status) && status.Problem.Code == errand.CodeJobNotFound:
		return "list jobs with errand jobs"
	case errors.As(err, &status) && status.Status == http.StatusUnauthorized:
		return "the token belongs to another server, or the server lost its data; set --token-file to the right one" + a.localTokens()
	case errors.As(err, &status) && status.Status == http.StatusForbidden:
		return a.adminHint()
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(err.Error(), "read token"):
		return "errand local creates its tokens in its data directory" + a.localTokens()
	}
	return ""
}

// adminHint names the local server's admin token, if the command uses that server as
// somebody else.
func (a *app) adminHint() string {
	_, dataDir := a.localURL()
	admin := filepath.Join(dataDir, adminTokenFile)
	c, err := a.findConnection(adminTokenFile)
	if err != nil || !c.isLocal || c.tokenFile == admin || !isFile(admin) {
		return ""
	}
	return "the local server's admin token: --token-file " + errand.QuoteWord(admin)
}

// localTokens continues a hint with the files of the local server's tokens, if it has any.
func (a *app) localTokens() string {
	_, dataDir := a.localURL()
	user, agent := filepath.Join(dataDir, userTokenFile), filepath.Join(dataDir, agentTokenFile)
	if dataDir == "" || !isFile(user) {
		return ""
	}
	return fmt.Sprintf("; this machine's are %s, and for agents %s", user, agent)
}
