//go:build unix

package cli

import (
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

func TestStackCommand(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := launch(t, "stack", "--addr", "127.0.0.1:0", "--data", data)
	resp, err := http.Get(p.first + "/_localstack/health")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("health: %s", resp.Status)
	}
	if code := listQueues(t, p.first, "test", "test"); code != http.StatusOK {
		t.Errorf("with the key that it has if none is given: %d", code)
	}
	if code, out, errs := errandAt(t, "", data, "stack", "health", "--addr", strings.TrimPrefix(p.first, "http://")); code != 0 || out != "ok\n" {
		t.Errorf("health: %d %q %s", code, out, errs)
	}
	if code, _, errs := errandAt(t, "", data, "stack", "health", "--addr", "127.0.0.1:1"); code != terminal.ExitFailure || !strings.Contains(errs, "no stack is running at 127.0.0.1:1") {
		t.Errorf("health of nothing: %d %s", code, errs)
	}
	second := launch(t, "stack", "--addr", "127.0.0.1:0", "--data", data)
	if code := second.wait(); code != terminal.ExitFailure || !strings.Contains(second.stderr.String(), "is in use by another errand process") {
		t.Errorf("a second stack in the directory: %d, %s", code, second.stderr.String())
	}
	p.interrupt()
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
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
			t.Setenv("ERRAND_STACK_ACCESS_KEY_ID", tt.env)
			t.Setenv("ERRAND_STACK_SECRET_ACCESS_KEY", tt.env)
			p := launch(t, append([]string{"stack", "--addr", "127.0.0.1:0"}, tt.args...)...)
			if code := listQueues(t, p.first, tt.id, tt.id); code != tt.status {
				t.Errorf("got %d, want %d", code, tt.status)
			}
			p.interrupt()
			if code := p.wait(); code != 0 {
				t.Errorf("exit code %d: %s", code, p.stderr.String())
			}
		})
	}
	var errs bytes.Buffer
	code := run(t.Context(), []string{"stack", "--access-key-id", "x"}, io.Discard, &errs, noEnv)
	if code != terminal.ExitUsage || !strings.Contains(errs.String(), "--access-key-id and --secret-access-key must be set together") {
		t.Errorf("half a key: %d, %s", code, errs.String())
	}
}

// TestStackOfATemplate: its resources are there, and its outputs are said.
func TestStackOfATemplate(t *testing.T) {
	t.Parallel()
	p := launch(t, "stack", "--addr", "127.0.0.1:0", "--insecure", "--template", filepath.Join("..", "..", "template.yaml"), "--stack-name", "mine")
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &p.first, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	out, err := dynamodb.NewFromConfig(cfg).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("mine-TokensTable")})
	if err != nil || out.Table.TableStatus != types.TableStatusActive {
		t.Errorf("the table: %+v, %v", out, err)
	}
	p.interrupt()
	if code := p.wait(); code != 0 || !strings.Contains(p.stderr.String(), "output BucketName: mine-bucket-000000000000") {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
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
		var errs bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // one that starts ends at once
		code := run(ctx, append([]string{"stack"}, tt.args...), io.Discard, &errs, noEnv)
		if code == 0 || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%v: %d %s; want %q", tt.args, code, errs.String(), tt.want)
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
		var errs bytes.Buffer
		code := run(t.Context(), append([]string{"stack"}, tt.args...), io.Discard, &errs, noEnv)
		if code == 0 || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%v: %d %s; want %q", tt.args, code, errs.String(), tt.want)
		}
	}
}
