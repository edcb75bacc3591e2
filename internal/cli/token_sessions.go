package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
	"github.com/errandhq/errand/internal/terminal"
)

// shownID is how much of a token's ID a table shows. It is enough to name the token.
const shownID = 12

func (a *app) tokenListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List your tokens, and the browsers that are signed in",
		Long: "List shows the tokens of your token's owner, and the sessions of browsers that errand open signed in;\n" +
			"with an admin's token, those of all owners. A token itself is never shown: its ID is its SHA-256.",
		Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.tokenList(cmd.Context(), asJSON) },
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON: {\"tokens\": […]}")
	return cmd
}

func (a *app) tokenList(ctx context.Context, asJSON bool) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := callWithRetry(ctx, retryFirst, c.Tokens)
	if err != nil {
		return err
	}
	if asJSON {
		return a.term.PrintJSON(list)
	}
	rows := make([][]string, 0, len(list.Tokens))
	for i := range list.Tokens {
		rows = append(rows, a.tokenRow(&list.Tokens[i]))
	}
	return a.term.PrintTable([]string{"ID", "KIND", "OWNER", "ROLE", "EXPIRES", "BROWSER"}, rows)
}

func (a *app) tokenRow(t *api.Token) []string {
	kind, expires := "permanent", ""
	if t.Session {
		kind = "session"
	}
	if t.Current {
		kind += ", this one"
	}
	if t.ExpiresAt != nil {
		expires = t.ExpiresAt.Local().Format("2006-01-02 15:04")
	}
	return []string{t.ID[:min(shownID, len(t.ID))], kind, t.Owner, string(t.Role), expires, terminal.ReplaceControls(t.Browser)}
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "revoke [ID…]",
		Short: "Sign out browsers",
		Long: "Revoke ends sessions, named by the beginning of their IDs (errand token list), or all that you may\n" +
			"see with --all. Permanent tokens are revoked in the tokens table: see docs/deployment.md.",
		Example: "  errand token revoke 5f2c9a\n  errand token revoke --all",
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return terminal.UsageErrorf("name sessions, or set --all")
			}
			return a.tokenRevoke(cmd.Context(), args)
		},
	}
	a.addServerFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "sign out all browsers")
	return cmd
}

// tokenRevoke ends the sessions that the arguments name; without any, all.
func (a *app) tokenRevoke(ctx context.Context, args []string) error {
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	c, err := a.client()
	if err != nil {
		return err
	}
	list, err := callWithRetry(ctx, retryFirst, c.Tokens)
	if err != nil {
		return err
	}
	ids, err := sessionIDs(list.Tokens, args)
	if err != nil {
		return err
	}
	for _, id := range ids {
		_, err := callWithRetry(ctx, retryFirst, func(ctx context.Context) (struct{}, error) { return struct{}{}, c.RevokeSession(ctx, id) })
		if err != nil && api.CodeOf(err) != errand.CodeTokenNotFound {
			return err
		}
		a.term.Notef("revoked %s", id[:shownID])
	}
	if len(ids) == 0 {
		a.term.Notef("no browser is signed in")
	}
	return nil
}

// sessionIDs returns the IDs of the sessions that begin with the arguments; without any,
// of all.
func sessionIDs(tokens []api.Token, args []string) ([]string, error) {
	var ids []string
	if len(args) == 0 {
		for _, t := range tokens {
			if t.Session {
				ids = append(ids, t.ID)
			}
		}
	}
	for _, arg := range args {
		id, err := sessionID(tokens, strings.ToLower(arg))
		if err != nil {
			return nil, terminal.WithHint(err, "errand token list shows the IDs")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func sessionID(tokens []api.Token, start string) (string, error) {
	var found []api.Token
	for _, t := range tokens {
		if start != "" && strings.HasPrefix(t.ID, start) {
			found = append(found, t)
		}
	}
	switch {
	case len(found) == 0:
		return "", fmt.Errorf("no token has an ID that begins with %q", start)
	case len(found) > 1:
		return "", fmt.Errorf("%d tokens have IDs that begin with %q; give more of the ID", len(found), start)
	case !found[0].Session:
		return "", errors.New("this is a permanent token, which is revoked in the tokens table (docs/deployment.md)")
	}
	return found[0].ID, nil
}
