package crash

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// A victim is a stack in a process of its own.
type victim struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
	client *sqs.Client
}

// start starts a stack on dir and returns once it serves.
func start(t *testing.T, dir string, env ...string) *victim {
	t.Helper()
	v := &victim{cmd: exec.Command(os.Args[0])}
	v.cmd.Env = append(append(os.Environ(), dataDirVariable+"="+dir), env...)
	v.cmd.Stderr = &v.stderr
	stdin, err := v.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	v.stdin = stdin
	stdout, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		v.kill()
		t.Fatalf("the stack didn't start: %v\n%s", err, v.stderr.String())
	}
	v.client = client(strings.TrimSpace(line))
	return v
}

// kill is kill -9.
func (v *victim) kill() {
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
	v.stdin.Close()
}

// client tries nothing again: what became of a call that was cut off is the
// test's to ask.
func client(endpoint string) *sqs.Client {
	return sqs.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}, func(o *sqs.Options) { o.Retryer = aws.NopRetryer{} })
}
