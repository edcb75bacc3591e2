package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/dynamo"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/internal/terminal"
)

type tokenFlags struct {
	role   string
	owner  string
	queues []string
	worker string
	labels []string
	table  string
	out    string
}

// tokenCommand creates tokens, for operators of a deployed server with AWS credentials of
// their own (no route of the API makes tokens), and lists and ends sessions of browsers.
func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Create tokens, and sign out browsers",
		Args:  terminal.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.tokenCreateCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
	return cmd
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a token and store its hash for the server",
		Long: "Create prints a new token on stdout. The server stores only its SHA-256 hash, so the token can't be\n" +
			"shown again. With --table, errand stores the hash, with the AWS credentials, region and endpoint\n" +
			"that the AWS CLI would use. Without it, errand prints the AWS CLI command that stores the hash.",
		Example: "  errand token create --role agent --owner ops --table errand-TokensTable-1A2B --out agent.token",
		Args:    terminal.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.tokenCreate(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.role, "role", "", "`role` of the token: user, agent or admin")
	cmd.Flags().StringVar(&f.owner, "owner", "", "`name` of the owner of the jobs or workers")
	cmd.Flags().StringArrayVar(&f.queues, "queue", nil, "allow the queue with this `name`; can be repeated (default all)")
	cmd.Flags().StringVar(&f.worker, "worker-name", "", "fix the `name` of the workers that register with the token of role agent")
	cmd.Flags().StringArrayVar(&f.labels, "label", nil, "fix a label of these workers, `NAME=VALUE`; then the agent's own labels don't count; can be repeated")
	cmd.Flags().StringVar(&f.table, "table", "", "`name` of the DynamoDB table of tokens: the stack's output TokensTableName")
	cmd.Flags().StringVar(&f.out, "out", "", "write the token to this new `file`, readable only by you")
	return cmd
}

// tokenCreate keeps the token before it is granted, so that none is granted
// that nobody has.
func (a *app) tokenCreate(ctx context.Context, f tokenFlags) (err error) {
	if f.role == "" || f.owner == "" {
		return terminal.UsageErrorf("--role and --owner are required")
	}
	token := errand.NewToken(errand.Role(f.role), "")
	if f.out != "" {
		if err := writeNewFile(f.out, token+"\n"); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, os.Remove(f.out))
			}
		}()
	}
	if err := a.grantToken(ctx, token, f); err != nil {
		return err
	}
	if f.out == "" {
		return a.term.Print(token)
	}
	a.term.Notef("token written to %s", f.out)
	return nil
}

func (a *app) grantToken(ctx context.Context, token string, f tokenFlags) error {
	labels, err := parseLabels("--label", f.labels)
	if err != nil {
		return err
	}
	t := &errand.Token{
		Hash: errand.HashToken(token), Role: errand.Role(f.role), Owner: f.owner, Queues: f.queues, WorkerName: f.worker, Labels: labels,
	}
	var e *errand.Error
	if errors.As(t.Validate(), &e) {
		return terminal.UsageErrorf("--%s", e.Message)
	}
	if f.table == "" {
		a.showPutToken(t)
		return nil
	}
	return withServiceHint(setup.PutToken(ctx, f.table, t), "the table is the stack's output TokensTableName; \"errand provision\" creates STACK-TokensTable")
}

// showPutToken prints the AWS CLI's command for a token's record.
func (a *app) showPutToken(t *errand.Token) {
	if t.Role == errand.RoleAdmin {
		a.term.Notef("SHA-256 hash, for the parameter AdminTokenHash: %s", t.Hash)
	}
	a.term.Notef("run this command to store the token's hash; then the server accepts the token:")
	a.term.PrintNote("aws dynamodb put-item --table-name TOKENS_TABLE --item " + errand.QuoteWord(dynamo.TokenItemJSON(t)))
}

// writeNewFile writes a file that only the user can read. It fails if the file
// exists.
func writeNewFile(name, content string) error {
	w, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = w.WriteString(content)
	if err := errors.Join(err, w.Sync(), w.Close(), durable.SyncDir(filepath.Dir(name))); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
