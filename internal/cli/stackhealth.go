package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

const defaultStackAddr = "127.0.0.1:4566"

// stackHealthCommand asks a stack whether it serves: an image without a shell
// has nothing else to ask with.
func (a *app) stackHealthCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Exit with 0 if the stack serves",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.stackHealth(cmd.Context(), addr) },
	}
	cmd.Flags().StringVar(&addr, "addr", defaultStackAddr, "where the stack listens")
	return cmd
}

func (a *app) stackHealth(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/_localstack/health", nil)
	if err != nil {
		return usageErrorf("--addr must be host:port, like %s: %w", defaultStackAddr, err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return &hintError{fmt.Errorf("the stack doesn't serve: %w", err), "start one with errand stack, or say with --addr where it listens"}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the stack at %s answers %s", addr, resp.Status)
	}
	return a.ui.result("ok")
}
