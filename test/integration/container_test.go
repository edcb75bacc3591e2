//go:build integration

// make test leaves this file out: compiling the Docker client takes longer than the
// tests that it runs.

package integration

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/errandhq/errand/internal/awsconf"
	"github.com/errandhq/errand/test/docker"
)

// localStackImage is the last that is free of charge.
const localStackImage = "localstack/localstack:4.14.0"

// requireRun skips what only `make test-integration` does: it takes Docker, or
// an AWS of the caller's.
func requireRun(t *testing.T) {
	t.Helper()
	if os.Getenv("ERRAND_INTEGRATION") == "" {
		t.Skip("skipped: make test-integration runs this")
	}
}

// TestStackImage is the suite over the stack's own image, and what the image
// promises: small, not root, healthy by its own word.
func TestStackImage(t *testing.T) {
	requireRun(t)
	docker.Require(t)
	size, err := strconv.Atoi(docker.Run(t, "image", "inspect", "--format", "{{.Size}}", docker.StackImage))
	if err != nil || size >= 40<<20 {
		t.Errorf("the image has %d bytes (%v), and may have 40 MiB", size, err)
	}
	if user := docker.Run(t, "image", "inspect", "--format", "{{.Config.User}}", docker.StackImage); user == "" || strings.HasPrefix(user, "0") || user == "root" {
		t.Errorf("the image runs as user %q", user)
	}
	c := run(t, docker.StackImage, wait.ForHealthCheck(), withDirect(t))
	if code, out, err := c.Exec(t.Context(), []string{"/stack", "health"}); err != nil || code != 0 {
		t.Errorf("health: %d, %v, %v", code, out, err)
	}
	suite(t, at(t, c), differs{}, functions{direct: "it-direct", objectURL: "http://127.0.0.1:4566", goos: "linux"})
}

// withDirect has a stack's container run the function of direct mode, and gives
// it the /tmp that Lambda has.
func withDirect(t *testing.T) testcontainers.CustomizeRequestOption {
	t.Helper()
	files := []testcontainers.ContainerFile{
		{Reader: bytes.NewReader(directTemplate), ContainerFilePath: "/template.yaml", FileMode: 0o644},
		{Reader: bytes.NewReader(compile(t, "linux", "./functions/direct")), ContainerFilePath: "/functions/direct/bootstrap", FileMode: 0o755},
	}
	return func(r *testcontainers.GenericContainerRequest) error {
		r.Files = append(r.Files, files...)
		r.Cmd = []string{"--template", "/template.yaml", "--functions", "/functions", "--stack-name", "it"}
		r.Tmpfs = map[string]string{"/tmp": "exec"}
		return nil
	}
}

// TestLocalStackImage is the suite over LocalStack's.
func TestLocalStackImage(t *testing.T) {
	requireRun(t)
	docker.Require(t)
	if _, err := docker.Try("image", "inspect", localStackImage); err != nil {
		if _, err := docker.Try("pull", "-q", localStackImage); err != nil {
			t.Skipf("skipped: %s can't be pulled here: %v", localStackImage, err)
		}
	}
	c := run(t, localStackImage, wait.ForHTTP("/_localstack/health").WithPort(port))
	suite(t, at(t, c), localStackDiffers, functions{why: noLocalStackLambda})
}

// TestEndpoint is the suite over the AWS that the environment names, as the
// SDK reads it: AWS_ENDPOINT_URL, or AWS_ENDPOINT_URL_DYNAMODB and those of the other
// services, AWS_REGION, credentials.
func TestEndpoint(t *testing.T) {
	requireRun(t)
	if os.Getenv("AWS_ENDPOINT_URL") == "" && os.Getenv("AWS_ENDPOINT_URL_DYNAMODB") == "" {
		t.Skip("skipped: AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_DYNAMODB name no endpoint")
	}
	cfg, err := awsconf.Load(t.Context(), nil)
	must(t, err)
	d := map[string]differs{"localstack": localStackDiffers, "elasticmq": {noAttemptIDs: true}}[os.Getenv("ERRAND_ENDPOINT_IS")]
	f := functions{direct: os.Getenv("ERRAND_DIRECT_FUNCTION"), why: "ERRAND_DIRECT_FUNCTION names no function of direct mode at this endpoint"}
	suite(t, cfg, d, f)
}

// noLocalStackLambda is why direct mode isn't tested there.
const noLocalStackLambda = "LocalStack runs functions in containers that it starts itself, from an image that can't be pulled here"

const port = "4566/tcp"

// run starts a container whose port is published on loopback alone.
func run(t *testing.T, image string, ready wait.Strategy, more ...testcontainers.ContainerCustomizer) testcontainers.Container {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	options := []testcontainers.ContainerCustomizer{
		testcontainers.WithExposedPorts(port),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			h.PortBindings = network.PortMap{network.MustParsePort(port): {{HostIP: netip.MustParseAddr("127.0.0.1")}}}
		}),
		testcontainers.WithWaitStrategyAndDeadline(2*time.Minute, ready),
	}
	c, err := testcontainers.Run(ctx, image, append(options, more...)...)
	cleanup(t, func(ctx context.Context) error {
		if t.Failed() && c != nil {
			logs(ctx, t, c)
		}
		return testcontainers.TerminateContainer(c, testcontainers.StopContext(ctx))
	})
	if err != nil {
		t.Fatalf("run %s: %v", image, err)
	}
	return c
}

func logs(ctx context.Context, t *testing.T, c testcontainers.Container) {
	r, err := c.Logs(ctx)
	if err == nil {
		var b []byte
		b, err = io.ReadAll(r)
		err = errors.Join(err, r.Close())
		t.Logf("the container's log:\n%s", b)
	}
	if err != nil {
		t.Logf("the container's log can't be read: %v", err)
	}
}

// at is the configuration for what a container serves.
func at(t *testing.T, c testcontainers.Container) aws.Config {
	t.Helper()
	url, err := c.PortEndpoint(t.Context(), port, "http")
	must(t, err)
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
}
