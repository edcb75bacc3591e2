package agent

import (
	"time"

	"github.com/errandhq/errand"
)

// heartbeatDelay is how long to wait for the next heartbeat, where the server wants
// one after server.
func (a *Agent) heartbeatDelay(server time.Duration) time.Duration {
	return shorter(a.HeartbeatInterval, server)
}

// pollInterval is the interval of polls, where the server's has ms milliseconds.
func (a *Agent) pollInterval(ms int64) time.Duration {
	return shorter(a.PollInterval, time.Duration(ms)*time.Millisecond)
}

// shorter returns own if that is set and shorter than server, else server.
func shorter(own, server time.Duration) time.Duration {
	if own > 0 {
		return min(own, server)
	}
	return server
}

// logLongIntervals says which of the agent's own intervals have no effect.
func (a *Agent) logLongIntervals(reg errand.Registered) {
	const longer = "this agent's interval is longer than the server's, which is used"
	if server := time.Duration(reg.HeartbeatMs) * time.Millisecond; a.HeartbeatInterval > server {
		a.Log.Warn(longer, "of", "heartbeats", "agent", a.HeartbeatInterval, "server", server)
	}
	server := time.Duration(reg.PollIntervalMs) * time.Millisecond
	if reg.Bell != nil {
		server = time.Duration(reg.Bell.PollIntervalMs) * time.Millisecond
	}
	switch {
	case a.PollInterval > 0 && reg.PollWait > 0:
		a.Log.Info("this server answers polls as soon as there is a job; the poll interval has no effect")
	case a.PollInterval > server:
		a.Log.Warn(longer, "of", "polls", "agent", a.PollInterval, "server", server)
	}
}
