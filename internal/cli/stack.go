package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/localstack"
)

type stackFlags struct {
	profileFlags
	addr      string
	keyID     string
	secret    string
	dataDir   string
	noAuth    bool
	insecure  bool
	template  string
	functions string
	name      string
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
	cmd.Flags().StringVar(&f.addr, "addr", defaultStackAddr, "loopback address to listen at; port 0 takes any free one")
	cmd.Flags().StringVar(&f.dataDir, "data", "", "data directory (default: in memory, gone at the end)")
	cmd.Flags().StringVar(&f.keyID, "access-key-id", "", "access key ID to accept (default $ERRAND_STACK_ACCESS_KEY_ID, else test)")
	cmd.Flags().StringVar(&f.secret, "secret-access-key", "", "its secret (default $ERRAND_STACK_SECRET_ACCESS_KEY, else test)")
	cmd.Flags().BoolVar(&f.noAuth, "no-auth", false, "accept any access key")
	f.add(cmd)
	cmd.Flags().BoolVar(&f.insecure, "insecure", false, "listen for other machines, without TLS (in a container)")
	cmd.Flags().StringVar(&f.template, "template", "", "make the tables, queues and buckets of this CloudFormation or SAM template")
	cmd.Flags().StringVar(&f.functions, "functions", "", "with --template: also run its functions and schedules, as programs in this directory, NAME/bootstrap")
	cmd.Flags().StringVar(&f.name, "stack-name", "local", "what the template's AWS::StackName is: names are made of it")
	addLogFlags(cmd, &f.logFormat, &f.verbose)
	cmd.AddCommand(a.stackHealthCommand())
	return cmd
}

func (a *app) stack(ctx context.Context, f stackFlags) error {
	log, err := a.newLog(f.logFormat, f.verbose)
	if err != nil {
		return err
	}
	c, err := a.stackConfig(f)
	if err != nil {
		return err
	}
	if c.Hostile, err = f.hostile(a.ui); err != nil {
		return err
	}
	c.Logf = logf(log)
	ctx, stop := interruptible(ctx)
	defer stop()
	s, err := localstack.Start(ctx, c)
	if errors.Is(err, localstack.ErrLocked) {
		return &hintError{fmt.Errorf("the data directory %s is in use by another errand", f.dataDir), "stop that one, or name another with --data"}
	}
	if err != nil {
		return dataHint(err)
	}
	if err := a.announceStack(s, f); err != nil {
		return errors.Join(err, s.Close())
	}
	<-ctx.Done()
	return s.Close()
}

func (a *app) stackConfig(f stackFlags) (c localstack.Config, err error) {
	c = localstack.Config{
		DataDir: f.dataDir, Addr: f.addr, AnyInterface: f.insecure, NoAuth: f.noAuth, ResourcesOnly: true, StackName: f.name,
	}
	if c.Credentials, err = a.stackCredentials(f); err != nil {
		return c, err
	}
	if err := f.checkAddr(); err != nil {
		return c, err
	}
	if f.template != "" {
		if c.Template, err = os.ReadFile(f.template); err != nil {
			return c, err
		}
	}
	return c, f.addFunctions(&c)
}

// addFunctions has the stack run the template's functions. Their API isn't
// served: errand local does that.
func (f *stackFlags) addFunctions(c *localstack.Config) error {
	if f.functions == "" {
		return nil
	}
	if f.template == "" {
		return usageErrorf("--functions is of use with --template alone")
	}
	direct, err := directSource()
	if err != nil {
		return err
	}
	c.ResourcesOnly = false
	c.Functions, err = bootstraps(f.functions, direct)
	return err
}

func (f *stackFlags) checkAddr() error {
	host, _, err := net.SplitHostPort(f.addr)
	if err != nil {
		return usageErrorf("--addr must be host:port, like %s: %w", defaultStackAddr, err)
	}
	if ip := net.ParseIP(host); f.insecure || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return &hintError{usageErrorf("%s can be reached from other machines, and what is sent would be there to read", f.addr),
		"listen on loopback, or say --insecure"}
}

// stackCredentials is the access key that is accepted: by default the one that
// people give to LocalStack.
func (a *app) stackCredentials(f stackFlags) (localstack.Credentials, error) {
	c := localstack.Credentials{
		AccessKeyID:     first(f.keyID, a.getenv("ERRAND_STACK_ACCESS_KEY_ID")),
		SecretAccessKey: first(f.secret, a.getenv("ERRAND_STACK_SECRET_ACCESS_KEY")),
	}
	switch {
	case c == localstack.Credentials{}:
		return localstack.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
	case c.AccessKeyID == "" || c.SecretAccessKey == "":
		return c, usageErrorf("an access key has two parts: give both --access-key-id and --secret-access-key, or neither")
	}
	return c, nil
}

func (a *app) announceStack(s *localstack.Stack, f stackFlags) error {
	if err := a.ui.result(s.Endpoint()); err != nil {
		return err
	}
	a.ui.notef("account %s, region %s where a request names none", localstack.Account, s.Region())
	for _, name := range slices.Sorted(maps.Keys(s.Outputs())) {
		a.ui.notef("output %s: %s", name, s.Outputs()[name])
	}
	switch {
	case f.noAuth:
		a.ui.notef("any access key will do")
	case f.secret != "" || a.getenv("ERRAND_STACK_SECRET_ACCESS_KEY") != "":
		a.ui.notef("access key: %s", s.Credentials().AccessKeyID)
	default:
		a.ui.notef("AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test")
	}
	return nil
}
