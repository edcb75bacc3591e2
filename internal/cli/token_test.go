package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/dynamo"
	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/localstack"
)

// TestTokenCreate: the token goes to whoever made it, its hash into the table,
// where the server finds it.
func TestTokenCreate(t *testing.T) {
	stack := startTokenStack(t)
	file := filepath.Join(t.TempDir(), "agent.token")
	args := []string{"token", "create", "--role", "agent", "--owner", "ops", "--queue", "gpu", "--table", "local-TokensTable", "--out", file}
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, &out, &errs, os.LookupEnv); code != 0 || out.String() != "" {
		t.Fatalf("%d %q %s", code, out.String(), errs.String())
	}
	token, err := readToken(durable.OS, file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others can read it: %v, %v", info.Mode(), err)
	}
	svc := control.NewService(control.Config{Store: dynamo.New(dynamodb.NewFromConfig(stack.AWSConfig()), dynamo.Tables{Tokens: "local-TokensTable"}, nil)})
	p, err := svc.Authenticate(t.Context(), token)
	if err != nil || p.Role != errand.RoleAgent || p.Owner != "ops" || len(p.Queues) != 1 || p.Queues[0] != "gpu" {
		t.Errorf("the server sees %+v, %v", p, err)
	}
	if code := run(t.Context(), args, &out, &errs, os.LookupEnv); code == 0 || !strings.Contains(errs.String(), "exists") {
		t.Errorf("again, over the file: %d %s", code, errs.String())
	}
}

// startTokenStack is a stack that the environment names, as an operator's names AWS.
func startTokenStack(t *testing.T) *localstack.Stack {
	t.Helper()
	stack, err := localstack.Start(t.Context(), localstack.Config{Template: errand.Template, ResourcesOnly: true, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": stack.Endpoint(), "AWS_REGION": stack.Region(),
		"AWS_ACCESS_KEY_ID": stack.Credentials().AccessKeyID, "AWS_SECRET_ACCESS_KEY": stack.Credentials().SecretAccessKey,
	} {
		t.Setenv(name, value)
	}
	return stack
}

// TestTokenCreateFails: no token is left that the server doesn't know.
func TestTokenCreateFails(t *testing.T) {
	startTokenStack(t)
	file := filepath.Join(t.TempDir(), "x.token")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--role", "user"}, terminal.ExitUsage, "--role and --owner are required"},
		{[]string{"--owner", "ops"}, terminal.ExitUsage, "--role and --owner are required"},
		{[]string{"--role", "worker", "--owner", "ops"}, terminal.ExitUsage, "--role must be user, agent or admin"},
		{[]string{"--role", "user", "--owner", "Not An Owner"}, terminal.ExitUsage, "--owner must match"},
		{[]string{"--role", "user", "--owner", "ann", "--queue", "A,B"}, terminal.ExitUsage, "--queue \"A,B\" must match"},
		{[]string{"--role", "user", "--owner", "ann", "--table", "none"}, terminal.ExitFailure, "ResourceNotFound"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), append([]string{"token", "create", "--out", file}, tt.args...), &out, &errs, os.LookupEnv)
		if code != tt.code || !strings.Contains(errs.String(), tt.want) || out.String() != "" {
			t.Errorf("%v: %d %q %s; want %q", tt.args, code, out.String(), errs.String(), tt.want)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%v: a token is left", tt.args)
		}
	}
}

// TestTokenCreateForTheAWSCLI: what is to be pasted holds the hash alone.
func TestTokenCreateForTheAWSCLI(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"token", "create", "--role", "user", "--owner", "ann", "--queue", "gpu"}
	if code := run(t.Context(), args, &out, &errs, func(string) (string, bool) { return "", false }); code != 0 {
		t.Fatal(errs.String())
	}
	token := strings.TrimSpace(out.String())
	want := `--item '{"owner":{"S":"ann"},"pk":{"S":"` + errand.HashToken(token) + `"},"queues":{"L":[{"S":"gpu"}]},"role":{"S":"user"}}'`
	if !strings.HasPrefix(token, "eru_") || !strings.Contains(errs.String(), want) || strings.Contains(errs.String(), token) {
		t.Errorf("token %q, stderr %s; want %s", token, errs.String(), want)
	}
}
