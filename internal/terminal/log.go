package terminal

import (
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/agent"
)

// LogFlags choose what a server or an agent logs on stderr.
type LogFlags struct {
	Format  string // text or json
	Verbose bool
}

// Add adds the flags to a command.
func (f *LogFlags) Add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Format, "log-format", agent.LogText, "of the lines on stderr: text, json")
	cmd.Flags().BoolVarP(&f.Verbose, "verbose", "v", false, "say more on stderr")
}

// NewLog returns a logger that writes to stderr.
func (t *Terminal) NewLog(f LogFlags) (*slog.Logger, error) {
	level := slog.LevelInfo
	if f.Verbose {
		level = slog.LevelDebug
	}
	h, err := agent.NewLogHandler(t.Stderr, f.Format, level, t.useColor)
	if err != nil {
		return nil, UsageErrorf("--log-format: %w", err)
	}
	return slog.New(h), nil
}

// NewQuietLog returns a logger that writes only warnings and errors to stderr.
func (t *Terminal) NewQuietLog() *slog.Logger {
	h, _ := agent.NewLogHandler(t.Stderr, agent.LogText, slog.LevelWarn, t.useColor) // fails for other formats only
	return slog.New(h)
}
