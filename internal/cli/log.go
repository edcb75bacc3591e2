package cli

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/agent"
)

func addLogFlags(cmd *cobra.Command, format *string, verbose *bool) {
	cmd.Flags().StringVar(format, "log-format", agent.LogText, "of the lines on stderr: text, json")
	cmd.Flags().BoolVarP(verbose, "verbose", "v", false, "say more on stderr")
}

// newLog is the log on stderr.
func (a *app) newLog(format string, verbose bool) (*slog.Logger, error) {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	h, err := agent.NewLogHandler(a.stderr, format, level, a.ui.errColor)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--log-format: %w", err)}
	}
	return slog.New(h), nil
}

// sprintfTrim is Sprintf without the newline that printed lines end with.
func sprintfTrim(format string, args ...any) string {
	return strings.TrimRight(fmt.Sprintf(format, args...), "\n")
}
