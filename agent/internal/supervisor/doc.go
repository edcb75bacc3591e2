// Package supervisor runs the commands of attempts in a process of its own, which
// outlives the agent: after a crash or an upgrade of the agent, its jobs run on, and
// the next agent takes them over.
//
// Each slot of an agent has one supervisor, a process that Main runs. It is started
// for the slot's first attempt, kept between attempts, and runs one at a time. It owns
// the pipes of the commands, writes the log and the outcome into the attempt's
// directory (see package attemptdir), and keeps the deadline before which an attempt
// must end that another worker may be given, or that has a group. The agent reads and
// uploads the log, reports the outcome, and moves the deadline with each heartbeat.
//
// # Files
//
//	DATA/slots/<slot>/
//	  lock    locked as long as the supervisor lives: the kernel unlocks it at its end
//	  socket  where the agent connects
//	  stderr  what the Go runtime says if it crashes
//	  tmp     empty, for the TMPDIR of the next attempt
//	  work    the same for its working directory
//
// # Protocol
//
// Both sides send JSON values, one a line. The supervisor sends its Status at once and
// whenever it has changed. It may leave out states in between, so each Status is
// complete. The agent sends Requests. Both ignore members that they don't know, because
// after an upgrade an agent meets supervisors of the version before. It uses them to
// the end of their attempt only.
//
// # States
//
// A supervisor is idle or runs an attempt, and an agent is connected or not. Without
// an agent, an idle supervisor exits; a new one, when its stdin ends before an agent
// has connected. So:
//
//   - The agent ends, in whatever way: the attempt runs on. At its end the supervisor
//     writes the outcome and exits. An agent that returns in time connects again and
//     sees the same as before; a later one finds the outcome on disk.
//   - The supervisor ends: the agent sees the connection's end, kills what the
//     commands left, and reports the attempt as failed with what the log has.
//   - Both end: the next agent finds the lock free and no outcome. It does the same.
//   - The machine ends: the same, but the directory's origin has another boot ID. What
//     the disk kept of the log is sent.
//   - The data directory is copied: nobody holds the copy's lock, but its directories
//     have other numbers than their origins say. The commands may run elsewhere, so
//     nothing is reported, and the lease decides.
//
// An agent without a supervisor command, as in tests, uses New: the same in its own
// process. Attempts end with it, and its clock may be one that a test moves.
package supervisor
