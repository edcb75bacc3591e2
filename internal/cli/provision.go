package cli

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/provision"
	"github.com/errandhq/errand/internal/setup"
	"github.com/errandhq/errand/internal/template"
	"github.com/errandhq/errand/internal/terminal"
)

func (a *app) provisionCommand() *cobra.Command {
	stack := defaultStack
	cmd := &cobra.Command{
		Use:   "provision",
		Short: "Create the tables, queues and bucket for errand serve",
		Long: "Provision creates the tables, queues and bucket that \"errand serve\" needs, where they are missing, and\n" +
			"prints what it did. It deletes nothing, and may be run again at any time. The AWS SDK's environment\n" +
			"variables say where the services are: see \"errand serve --help\".\n\n" +
			"A setting that an implementation lacks, such as the expiry of objects, is reported. On AWS itself,\n" +
			"deploy template.yaml instead.",
		Example: "  AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000 AWS_ENDPOINT_URL_SQS=http://127.0.0.1:9324 \\\n" +
			"  AWS_ENDPOINT_URL_S3=http://127.0.0.1:9000 errand provision",
		Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.provision(cmd.Context(), stack) },
	}
	cmd.Flags().StringVar(&stack, "stack-name", defaultStack, "`name` with which the names of tables, queues and bucket begin")
	return cmd
}

func (a *app) provision(ctx context.Context, stack string) error {
	p, err := setup.OpenProvisioned(ctx, stack, a.getenv, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	var printErr error
	err = provision.Resources(ctx, p.AWS, p.Resources, func(c provision.Change) {
		line := c.Resource + ": " + c.Done
		if c.Missing != "" {
			line += ": " + c.Missing
		}
		if err := a.term.Print(line); err != nil && printErr == nil {
			printErr = err
		}
	})
	if err != nil {
		return withServiceHint(err, provisionHint(stack))
	}
	a.term.Hintf("next: errand token create --role admin --owner ops --table %s", tokensTable(p.Resources))
	return printErr
}

// tokensTable is the name of the table that errand token create writes to.
func tokensTable(t *template.Template) string {
	i := slices.IndexFunc(t.Tables, func(t template.Table) bool { return strings.HasPrefix(t.LogicalID, "Tokens") })
	return t.Tables[i].Name
}
