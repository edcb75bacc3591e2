// Package stackcli is the command line of the embedded stack: errand stack, and
// errand-stack in the stack's image.
package stackcli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/localstack"
)

// stack is the command that runs the stack.
type stack struct {
	term   *terminal.Terminal
	getenv func(string) string

	ProfileFlags
	log       terminal.LogFlags
	addr      string
	keyID     string
	secret    string
	dataDir   string
	noAuth    bool
	insecure  bool
	template  string
	functions string
	stackName string

	connections int
}

// Main runs the errand-stack command that os.Args names and returns its exit code.
func Main() int {
	t := terminal.New(os.Stdout, os.Stderr, os.Getenv)
	root := NewCommand("errand-stack", t, os.Getenv)
	root.CompletionOptions.DisableDefaultCmd = true
	if _, exit := t.Execute(context.Background(), root, os.Args[1:]); exit != nil {
		return exit.Code
	}
	return 0
}

// NewCommand returns the command that runs the stack, under the given name.
func NewCommand(name string, t *terminal.Terminal, getenv func(string) string) *cobra.Command {
	s := &stack{term: t, getenv: getenv}
	cmd := &cobra.Command{
		Use:   name,
		Short: "Run only the embedded SQS, DynamoDB and S3",
		Long: "Stack serves SQS, DynamoDB and S3 on a loopback address, for the AWS CLI, the AWS SDKs and tests.\n" +
			"When it is ready, it prints its URL on stdout: the value for AWS_ENDPOINT_URL.",
		Args: terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.template == "" && cmd.Flags().Changed("stack-name") {
				return terminal.UsageErrorf("--stack-name requires --template")
			}
			return s.run(cmd.Context())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&s.addr, "addr", defaultAddr, "loopback `host:port` to listen on; port 0 selects a free port")
	fl.StringVar(&s.dataDir, "data", "", "data `directory` (default: keep data in memory only)")
	fl.StringVar(&s.keyID, "access-key-id", "", "accept the access key with this `ID` (default $ERRAND_STACK_ACCESS_KEY_ID, else test)")
	fl.StringVar(&s.secret, "secret-access-key", "", "`secret` of the access key (default $ERRAND_STACK_SECRET_ACCESS_KEY, else test)")
	fl.BoolVar(&s.noAuth, "no-auth", false, "accept any access key, or none")
	s.AddProfileFlags(fl)
	fl.BoolVar(&s.insecure, "insecure", false, "allow connections from other machines without TLS, for containers")
	fl.StringVar(&s.template, "template", "", "create the tables, queues and buckets in this CloudFormation or SAM template `file`")
	fl.StringVar(&s.functions, "functions", "", "with --template: also run its functions and schedules; `directory` of compiled functions, NAME/bootstrap")
	fl.StringVar(&s.stackName, "stack-name", "local", "with --template: `name` of the stack, AWS::StackName in the template")
	AddConnectionsFlag(fl, &s.connections)
	s.log.Add(cmd)
	cmd.AddCommand(healthCommand(t))
	return cmd
}

func (s *stack) run(ctx context.Context) error {
	log, err := s.term.NewLog(s.log)
	if err != nil {
		return err
	}
	c, err := s.config()
	if err != nil {
		return err
	}
	if c.Hostile, err = s.Hostile(s.term); err != nil {
		return err
	}
	c.Logf = LogFunc(log)
	ctx, stop := terminal.NotifyInterrupt(ctx)
	defer stop()
	running, err := localstack.Start(ctx, c)
	if err != nil {
		return ExplainStart(err, s.dataDir)
	}
	if err := s.announce(running); err != nil {
		return errors.Join(err, running.Close())
	}
	select {
	case <-ctx.Done():
	case err = <-running.Failed():
		err = fmt.Errorf("the data directory can't be written any more: %w", err)
	}
	return errors.Join(err, running.Close())
}

// ExplainStart adds a hint to an error of localstack.Start.
func ExplainStart(err error, dataDir string) error {
	if errors.Is(err, localstack.ErrLocked) {
		return terminal.WithHint(fmt.Errorf("data directory %s is in use by another errand process", dataDir),
			"stop that process, or set --data to another directory")
	}
	return terminal.WithDataDirHint(err)
}

func (s *stack) config() (c localstack.Config, err error) {
	c = localstack.Config{
		DataDir: s.dataDir, Addr: s.addr, AnyInterface: s.insecure, NoAuth: s.noAuth, ResourcesOnly: true, StackName: s.stackName,
		Connections: s.connections,
	}
	if c.Credentials, err = s.credentials(); err != nil {
		return c, err
	}
	if err := errors.Join(CheckConnections(s.connections), s.checkAddr()); err != nil {
		return c, err
	}
	if s.template != "" {
		if c.Template, err = os.ReadFile(s.template); err != nil {
			return c, fmt.Errorf("read template: %w", err)
		}
	}
	return c, s.addFunctions(&c)
}

// addFunctions has the stack run the template's functions, but not serve their
// API.
func (s *stack) addFunctions(c *localstack.Config) (err error) {
	if s.functions == "" {
		return nil
	}
	if s.template == "" {
		return terminal.UsageErrorf("--functions requires --template")
	}
	c.ResourcesOnly = false
	c.Functions, err = FindFunctions(s.functions)
	return err
}

func (s *stack) checkAddr() error {
	host, _, err := net.SplitHostPort(s.addr)
	if err != nil {
		return terminal.UsageErrorf("--addr must be host:port, like %s: %w", defaultAddr, err)
	}
	if ip := net.ParseIP(host); s.insecure || host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return terminal.WithHint(terminal.UsageErrorf("%s is reachable from other machines, and the stack has no TLS", s.addr),
		"use a loopback address, or set --insecure")
}

// credentials returns the accepted access key. Its default is the usual one for
// LocalStack.
func (s *stack) credentials() (localstack.Credentials, error) {
	c := localstack.Credentials{
		AccessKeyID:     cmp.Or(s.keyID, s.getenv("ERRAND_STACK_ACCESS_KEY_ID")),
		SecretAccessKey: cmp.Or(s.secret, s.getenv("ERRAND_STACK_SECRET_ACCESS_KEY")),
	}
	switch {
	case c == localstack.Credentials{}:
		return localstack.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
	case c.AccessKeyID == "" || c.SecretAccessKey == "":
		return c, terminal.UsageErrorf("--access-key-id and --secret-access-key must be set together")
	}
	return c, nil
}

func (s *stack) announce(running *localstack.Stack) error {
	if err := s.term.Print(running.Endpoint()); err != nil {
		return err
	}
	s.term.Notef("account %s, default region %s", localstack.Account, running.Region())
	for _, name := range slices.Sorted(maps.Keys(running.Outputs())) {
		s.term.Notef("output %s: %s", name, running.Outputs()[name])
	}
	switch {
	case s.noAuth:
		s.term.Notef("any access key is accepted")
	case s.secret != "" || s.getenv("ERRAND_STACK_SECRET_ACCESS_KEY") != "":
		s.term.Notef("access key: %s", running.Credentials().AccessKeyID)
	default:
		s.term.Notef("access key: AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test")
	}
	return nil
}
