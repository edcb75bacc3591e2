package cli

import (
	"context"
	"errors"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) openCommand() *cobra.Command {
	var onlyPrint bool
	cmd := &cobra.Command{
		Use: "open [ID]", SuggestFor: []string{"web", "page", "browse", "login"},
		Short: "Open the web page, signed in",
		Long: "Open opens the web page, or the page of a job, in your browser, and signs it in. The link has a code\n" +
			"that works once, within 60 seconds. The browser gets a token of its own for 30 days: errand token list\n" +
			"shows it, errand token revoke ends it. If there is no browser here, errand prints the link.\n\n" +
			howToNameJobs,
		Example: "  errand open          # the web page\n" +
			"  errand open @last    # the job that was created last",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			return a.open(cmd.Context(), id, onlyPrint)
		},
	}
	cmd.ValidArgsFunction = a.fromServer(completeJobs)
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&onlyPrint, "print", false, "print the link and start no browser")
	return cmd
}

func (a *app) open(ctx context.Context, id string, onlyPrint bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	if id != "" {
		if id, err = findJobID(ctx, c, id); err != nil {
			return err
		}
	}
	code, err := callWithRetry(ctx, retryFirst, c.NewSessionCode)
	if err != nil {
		return err
	}
	page, err := pageURL(c, &code)
	if err != nil {
		return err
	}
	link := signInLink(page, code.Code, id)
	if onlyPrint || !a.hasBrowser() {
		return a.term.Print(link)
	}
	if err := startBrowser(ctx, link); err != nil {
		a.term.Hintf("no browser could be started (%s); open this link", err)
		return a.term.Print(link)
	}
	a.term.Notef("opened %s/ in your browser", page)
	return nil
}

// pageURL is where the server's page is, without a slash at its end.
func pageURL(c *api.Client, code *api.SessionCode) (string, error) {
	switch code.Page {
	case "":
		return "", terminal.WithHint(errors.New("the server has no web page"),
			"deploy infra/page.yaml with \"make deploy-page\", and set the parameter PageOrigin of the server's stack (docs/deployment.md)")
	case "/":
		return c.BaseURL, nil
	}
	return parseServerURL(code.Page)
}

// signInLink has the code in its fragment, which a browser sends to no server.
func signInLink(page, code, jobID string) string {
	link := page + "/#code=" + code
	if jobID != "" {
		link += "&job=" + jobID
	}
	return link
}

// hasBrowser reports whether the user would see a browser that is started here.
func (a *app) hasBrowser() bool {
	switch {
	case !a.term.IsTTY(), a.getenv("SSH_CONNECTION") != "":
		return false
	case runtime.GOOS == "windows", runtime.GOOS == "darwin":
		return true
	}
	return a.getenv("DISPLAY") != "" || a.getenv("WAYLAND_DISPLAY") != ""
}

// startBrowser opens a link. Other users of this machine may see it in the command's
// arguments: it must not have more in it than a code.
func startBrowser(ctx context.Context, link string) error {
	command := map[string][]string{"darwin": {"open"}, "windows": {"rundll32", "url.dll,FileProtocolHandler"}}[runtime.GOOS]
	if command == nil {
		command = []string{"xdg-open"}
	}
	return exec.CommandContext(ctx, command[0], append(command[1:], link)...).Run()
}

// openPage is errand open, for the menu.
func (s *quickstart) openPage(ctx context.Context) error {
	s.term.ShowCommand("errand open")
	return s.open(ctx, "", false)
}

// startLink is a link for the server's log: whoever starts it may need a while to see it.
func (s *localServer) startLink(ctx context.Context) (string, error) {
	var code string
	err := retryStore(ctx, func(ctx context.Context) (err error) {
		code, err = s.service.NewStartCode(ctx, errand.HashToken(s.tokens.user()))
		return err
	})
	return signInLink(s.url, code, ""), err
}
