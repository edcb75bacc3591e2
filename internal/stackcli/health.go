package stackcli

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/internal/terminal"
)

const defaultAddr = "127.0.0.1:4566"

// healthCommand is the image's health check: the image has no shell or curl.
func healthCommand(t *terminal.Terminal) *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Check that a stack is running",
		Args:  terminal.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkHealth(cmd.Context(), addr); err != nil {
				return err
			}
			return t.Print("ok")
		},
	}
	cmd.Flags().StringVar(&addr, "addr", defaultAddr, "`host:port` of the stack")
	return cmd
}

func checkHealth(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/_localstack/health", nil)
	if err != nil {
		return terminal.UsageErrorf("--addr must be host:port, like %s: %w", defaultAddr, err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return terminal.WithHint(fmt.Errorf("no stack is running at %s: %w", addr, err), "start one with errand stack, or set --addr to its address")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the stack at %s answered %s", addr, resp.Status)
	}
	return nil
}
