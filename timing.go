package errand

import "time"

// Timing are the durations of the flow. DefaultTiming has the right ones.
type Timing struct {
	ShortLease time.Duration // of an attempt not yet accepted
	Lease      time.Duration // full, unless the job sets its own
	Heartbeat  time.Duration // interval that workers are told
	// WatchedHeartbeat is the interval while someone watches a job of the
	// worker, so that a cancel is obeyed soon.
	WatchedHeartbeat time.Duration
	PollWait         time.Duration // longest that a poll is held; 0: polls are answered at once
	PollInterval     time.Duration // that workers wait between polls that were answered with nothing
	BellPoll         time.Duration // the same where they wait at a bell that doesn't ring
	IdleHeartbeat    time.Duration // that workers are told which hold nothing and wait at a bell
	TicketHold       time.Duration // a held ticket is hidden this long
	RenewHold        time.Duration // and again when less than this is left
	ResendAfter      time.Duration // first re-send of a ticket
	ResendEvery      time.Duration // further ones
	ExpireAfter      time.Duration // a pending job fails
	Watched          time.Duration // a read of the log keeps it watched this long
	Retention        time.Duration // of jobs and results
	UploadLifetime   time.Duration // of uploads, as the bucket's lifecycle has it
	UploadMargin     time.Duration // an upload is used again only if it lives this long yet
}

// DefaultTiming returns the durations of the design.
func DefaultTiming() Timing {
	const day = 24 * time.Hour
	return Timing{
		ShortLease: 30 * time.Second, Lease: 5 * time.Minute, Heartbeat: 10 * time.Second, WatchedHeartbeat: 2 * time.Second,
		PollWait: 20 * time.Second, PollInterval: 5 * time.Second,
		BellPoll: 10 * time.Minute, IdleHeartbeat: 2 * time.Minute,
		TicketHold: 15 * time.Minute, RenewHold: 10 * time.Minute,
		ResendAfter: time.Minute, ResendEvery: 12 * time.Hour, ExpireAfter: 13 * day,
		Watched: 30 * time.Second, UploadLifetime: 32 * day, UploadMargin: 16 * day,
	}
}
