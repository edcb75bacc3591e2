package agent

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/errandhq/errand/agent/internal/logfmt"
)

// Formats of an agent's log.
const (
	LogText = "text" // lines for people
	LogJSON = "json" // an object per line
)

// NewLogHandler returns the handler of an agent's log for a format. color is for
// text: true where w is a terminal and NO_COLOR isn't set.
func NewLogHandler(w io.Writer, format string, level slog.Leveler, color bool) (slog.Handler, error) {
	switch format {
	case LogText:
		return logfmt.New(w, level, color), nil
	case LogJSON:
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}), nil
	}
	return nil, fmt.Errorf("log format is %s or %s, not %q", LogText, LogJSON, format)
}
