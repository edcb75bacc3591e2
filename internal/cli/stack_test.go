//go:build unix

package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

func TestStackCommand(t *testing.T) {
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
	second := launch(t, "stack", "--addr", "127.0.0.1:0", "--data", data)
	if code := second.wait(); code != exitFailure || !strings.Contains(second.stderr.String(), "is in use by another errand") {
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
	code := run(t.Context(), []string{"stack", "--access-key-id", "x"}, io.Discard, &errs, func(string) (string, bool) { return "", false })
	if code != exitUsage || !strings.Contains(errs.String(), "an access key has two parts") {
		t.Errorf("half a key: %d, %s", code, errs.String())
	}
}
