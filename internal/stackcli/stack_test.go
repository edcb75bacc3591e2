//go:build unix

package stackcli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/errandhq/errand/internal/terminal"
)

func noEnv(string) string { return "" }

// run runs errand-stack until it ends, or ctx does.
func run(ctx context.Context, args []string, stdout io.Writer, getenv func(string) string) (code int, stderr string) {
	var errs bytes.Buffer
	term := terminal.New(stdout, &errs, getenv)
	if _, exit := term.Execute(ctx, NewCommand("errand-stack", term, getenv), args); exit != nil {
		code = exit.Code
	}
	return code, errs.String()
}

// start runs errand-stack on a free port until stop is called, which returns what
// it wrote on stderr.
func start(t *testing.T, getenv func(string) string, args ...string) (url string, stop func() (stderr string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	ended := make(chan string, 1)
	go func() {
		code, stderr := run(ctx, append([]string{"--addr", "127.0.0.1:0"}, args...), stdout, getenv)
		if code != 0 {
			t.Errorf("errand-stack %v: exit code %d: %s", args, code, stderr)
		}
		stdout.Close()
		ended <- stderr
	}()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("errand-stack %v prints no URL: %v: %s", args, err, <-ended)
	}
	return strings.TrimSuffix(url, "\n"), func() string { cancel(); return <-ended }
}

// listQueues calls the stack at url with an access key.
func listQueues(t testing.TB, url, id, secret string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AmazonSQS.ListQueues")
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	sum := sha256.Sum256([]byte("{}"))
	creds := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "sqs", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestStackCredentials(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		args   []string
		env    string // ERRAND_STACK_ACCESS_KEY_ID and ERRAND_STACK_SECRET_ACCESS_KEY
		id     string // of a call, and its secret
		status int
	}{
		{"preset", nil, "", "test", http.StatusOK},
		{"another's", nil, "", "other", http.StatusForbidden},
		{"by flags", []string{"--access-key-id", "flag", "--secret-access-key", "flag"}, "env", "flag", http.StatusOK},
		{"by environment", nil, "env", "env", http.StatusOK},
		{"the preset is no longer good", nil, "env", "test", http.StatusForbidden},
		{"none is checked", []string{"--no-auth"}, "", "other", http.StatusOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"ERRAND_STACK_ACCESS_KEY_ID": tt.env, "ERRAND_STACK_SECRET_ACCESS_KEY": tt.env}
			url, stop := start(t, func(name string) string { return env[name] }, tt.args...)
			if code := listQueues(t, url, tt.id, tt.id); code != tt.status {
				t.Errorf("got %d, want %d", code, tt.status)
			}
			stop()
		})
	}
	code, stderr := run(t.Context(), []string{"--access-key-id", "x"}, io.Discard, noEnv)
	if code != terminal.ExitUsage || !strings.Contains(stderr, "--access-key-id and --secret-access-key must be set together") {
		t.Errorf("half a key: %d, %s", code, stderr)
	}
}

// TestStackOfATemplate: its resources are there, and its outputs are said.
func TestStackOfATemplate(t *testing.T) {
	t.Parallel()
	url, stop := start(t, noEnv, "--insecure", "--template", filepath.Join("..", "..", "template.yaml"), "--stack-name", "mine")
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	out, err := dynamodb.NewFromConfig(cfg).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("mine-TokensTable")})
	if err != nil || out.Table.TableStatus != types.TableStatusActive {
		t.Errorf("the table: %+v, %v", out, err)
	}
	if stderr := stop(); !strings.Contains(stderr, "output BucketName: mine-bucket-000000000000") {
		t.Errorf("without the output BucketName: %s", stderr)
	}
}

func TestStackRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--addr", "0.0.0.0:0"}, "or set --insecure"},
		{[]string{"--addr", "here"}, "--addr must be host:port"},
		{[]string{"--template", "no such file"}, "no such file"},
		{[]string{"--functions", "."}, "--functions requires --template"},
		{[]string{"--functions", ".", "--template", filepath.Join("..", "..", "template.yaml")}, "no functions in .: no NAME/bootstrap found"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // one that starts ends at once
		code, stderr := run(ctx, tt.args, io.Discard, noEnv)
		if code == 0 || !strings.Contains(stderr, tt.want) {
			t.Errorf("%v: %d %s; want %q", tt.args, code, stderr, tt.want)
		}
	}
}

// Where a stack can't start or isn't there, a hint says what to do.
func TestStackHints(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	const closed = "127.0.0.1:1" // where nothing listens
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"--addr", busy.Addr().String()}, "hint: is another server running there?"},
		{[]string{"--addr", "127.0.0.1:99999"}, "hint: --addr must be host:port"},
		{[]string{"--addr", "127.0.0.1:0", "--data", "stack_test.go"}, "hint: set --data to a directory that you can write to"},
		{[]string{"health", "--addr", closed}, "hint: start one with errand stack"},
	} {
		code, stderr := run(t.Context(), tt.args, io.Discard, noEnv)
		if code == 0 || !strings.Contains(stderr, tt.want) {
			t.Errorf("%v: %d %s; want %q", tt.args, code, stderr, tt.want)
		}
	}
}
