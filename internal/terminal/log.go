package terminal

import (
	"log/slog"
	"strings"

	"github.com/lmittmann/tint"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// LogFlags choose what a server or an agent logs on stderr.
type LogFlags struct {
	Format  string // text or json
	Verbose bool
}

// Add adds the flags to a command.
func (f *LogFlags) Add(cmd *cobra.Command) {
	AddFlags(cmd, "Log", func(fl *pflag.FlagSet) {
		fl.StringVar(&f.Format, "log-format", "text", "`format` of the log on stderr: text or json")
		fl.BoolVarP(&f.Verbose, "verbose", "v", false, "log more details on stderr")
	})
}

// NewLog returns a logger that writes to stderr.
func (t *Terminal) NewLog(f LogFlags) (*slog.Logger, error) {
	level := slog.LevelInfo
	if f.Verbose {
		level = slog.LevelDebug
	}
	switch f.Format {
	case "text":
		return t.newTextLog(level), nil
	case "json":
		return slog.New(slog.NewJSONHandler(t.Stderr, &slog.HandlerOptions{Level: level})), nil
	}
	return nil, UsageErrorf("--log-format must be text or json, got %q", f.Format)
}

// NewQuietLog returns a logger that writes only warnings and errors to stderr.
func (t *Terminal) NewQuietLog() *slog.Logger { return t.newTextLog(slog.LevelWarn) }

func (t *Terminal) newTextLog(level slog.Level) *slog.Logger {
	return slog.New(tint.NewTextHandler(t.Stderr, &tint.Options{
		Level: level, TimeFormat: "15:04:05.000", NoColor: !t.useColor, ReplaceAttr: cleanAttr,
	}))
}

// cleanAttr drops attributes without a value, and passes text that needs
// quoting as bytes, which tint always quotes. In a string it keeps the escape
// sequences for a terminal, and the text may come from a server.
func cleanAttr(_ []string, a slog.Attr) slog.Attr {
	text, isText := a.Value.Any().(string)
	if err, ok := a.Value.Any().(error); ok {
		text, isText = err.Error(), true
	}
	if list, ok := a.Value.Any().([]string); ok {
		text, isText = strings.Join(list, ","), true
	}
	switch {
	case a.Value.Any() == nil || isText && text == "":
		return slog.Attr{}
	case a.Key == slog.MessageKey:
		return slog.String(a.Key, ReplaceControls(text))
	case isText && strings.ContainsFunc(text, needsQuoting):
		return slog.Any(a.Key, []byte(text))
	case isText:
		return slog.String(a.Key, text)
	}
	return a
}

func needsQuoting(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"=\`, r) }
