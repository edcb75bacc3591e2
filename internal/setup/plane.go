package setup

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand/internal/awsconf"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/dynamo"
)

// invoker is what a lambda.Handler is.
type invoker = interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// Plane is the control plane for the commands that run it or make its tokens.
type Plane struct{}

// Start is Start.
func (Plane) Start(function string) { Start(function) }

// Handler is Handler, by the machine's clock. Its result has no name, so that
// who asks for a Plane need not know aws-lambda-go.
func (Plane) Handler(function string, getenv func(string) string, cfg aws.Config, log *slog.Logger) (invoker, error) {
	return Handler(function, getenv, cfg, Clock{}, log)
}

// Service is what the functions serve, for an environment like theirs.
func (Plane) Service(getenv func(string) string, cfg aws.Config, log *slog.Logger) (*control.Service, error) {
	settings, err := ParseSettings(getenv)
	if err != nil {
		return nil, err
	}
	return NewService(cfg, settings, Clock{}, log), nil
}

// Tokens is a deployed server's table of tokens, with the AWS credentials that
// the environment gives, and nothing else of its Store.
func (Plane) Tokens(ctx context.Context, table string) (control.Store, error) {
	cfg, err := awsconf.Load(ctx)
	if err != nil {
		return nil, err
	}
	return dynamo.New(dynamodb.NewFromConfig(cfg), dynamo.Tables{Tokens: table}, nil), nil
}
