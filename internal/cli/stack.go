package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/localstack"
)

type stackFlags struct {
	addr      string
	dataDir   string
	noAuth    bool
	logFormat string
	verbose   bool
}

func (a *app) stackCommand() *cobra.Command {
	var f stackFlags
	cmd := &cobra.Command{
		Use:   "stack",
		Short: "Run the embedded SQS, DynamoDB and S3 alone",
		Long: "Stack serves the AWS protocols on a loopback address, for the AWS CLI, SDKs and tests.\n" +
			"Its first line on stdout is its URL, for AWS_ENDPOINT_URL.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.stack(cmd.Context(), f) },
	}
	cmd.Flags().StringVar(&f.addr, "addr", "127.0.0.1:4566", "loopback address to listen at; port 0 takes any free one")
	cmd.Flags().StringVar(&f.dataDir, "data", "", "data directory (default: in memory, gone at the end)")
	cmd.Flags().BoolVar(&f.noAuth, "no-auth", false, "accept any access key")
	addLogFlags(cmd, &f.logFormat, &f.verbose)
	return cmd
}

func (a *app) stack(ctx context.Context, f stackFlags) error {
	log, err := a.newLog(f.logFormat, f.verbose)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := localstack.Start(ctx, localstack.Config{DataDir: f.dataDir, Addr: f.addr, NoAuth: f.noAuth, Logf: logf(log)})
	if errors.Is(err, localstack.ErrLocked) {
		return &hintError{fmt.Errorf("the data directory %s is in use by another errand", f.dataDir), "stop that one, or name another with --data"}
	}
	if err != nil {
		return err
	}
	if err := a.announceStack(s, f); err != nil {
		return errors.Join(err, s.Close())
	}
	<-ctx.Done()
	return s.Close()
}

func (a *app) announceStack(s *localstack.Stack, f stackFlags) error {
	if err := a.ui.result(s.Endpoint()); err != nil {
		return err
	}
	a.ui.notef("region %s, account %s", s.Region(), localstack.Account)
	switch {
	case f.noAuth:
		a.ui.notef("any access key will do")
	case f.dataDir != "":
		a.ui.notef("access key: %s", filepath.Join(f.dataDir, "aws-credentials.json"))
	default:
		c := s.Credentials()
		a.ui.notef("AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s", c.AccessKeyID, c.SecretAccessKey)
	}
	return nil
}
