package bench

import (
	"context"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/errandhq/errand/localstack"
)

var ctx = context.Background()

// startStack starts a stack with a data directory, listening on loopback. With
// noSync, durability is off.
func startStack(b testing.TB, noSync bool) *localstack.Stack {
	b.Helper()
	s, err := localstack.Start(ctx, localstack.Config{
		DataDir: b.TempDir(), Addr: "127.0.0.1:0", NoSync: noSync, Logf: b.Logf,
		Credentials: localstack.Credentials{AccessKeyID: "test", SecretAccessKey: "test"},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// stackOverLoopback returns a client configuration that reaches s like the bare
// handler.
func stackOverLoopback(b testing.TB, s *localstack.Stack) aws.Config {
	return clientConfig(s.Endpoint(), loopbackTransport(b))
}

// A contender is a service, reached in one way.
type contender struct {
	name   string
	floor  string
	target string
	cfg    aws.Config
}

// contenders are a bare handler, the stack and the stack with durability off,
// each over loopback and in process.
func contenders(b testing.TB, h http.Handler, target string) []contender {
	durable, loose := startStack(b, false), startStack(b, true)
	const viaTCP, direct = "bare, loopback", "bare, in process"
	return []contender{
		{viaTCP, "", "", overLoopback(b, h)},
		{"durable, loopback", viaTCP, target, stackOverLoopback(b, durable)},
		{"no sync, loopback", viaTCP, "", stackOverLoopback(b, loose)},
		{direct, "", "", inProcess(h)},
		{"durable, in process", direct, "", durable.AWSConfig()},
		{"no sync, in process", direct, "", loose.AWSConfig()},
	}
}
