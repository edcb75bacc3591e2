package cli

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/errandhq/errand/internal/control"
)

// invoker is what a localstack.Handler is.
type invoker = interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// A ControlPlane is errand's own over AWS, as setup.Plane has it. The program
// that is errand stack alone has none, and links none of AWS's clients.
type ControlPlane interface {
	// Start serves a function as a process that speaks the Lambda Runtime API. It
	// doesn't return.
	Start(function string)
	// Handler is a function with what an environment says, over AWS as cfg
	// reaches it.
	Handler(function string, getenv func(string) string, cfg aws.Config, log *slog.Logger) (invoker, error)
	// Service is what the functions serve.
	Service(getenv func(string) string, cfg aws.Config, log *slog.Logger) (*control.Service, error)
	// Tokens is a deployed server's table of tokens.
	Tokens(ctx context.Context, table string) (control.Store, error)
}
