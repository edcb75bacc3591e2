// Package agent is the worker: it registers, polls for jobs, runs them and
// reports their results. It uses only the HTTP API and presigned requests to the
// storage.
//
// Run owns every goroutine and returns when all have ended: the heartbeat loop,
// which tells the server what the worker holds and carries out its orders; the
// poll loop, which takes jobs; and for each attempt one goroutine that prepares it,
// follows it and reports it, and one that uploads its log. The commands run under
// supervisors, processes that outlive this one: see agent/internal/supervisor.
//
// These rules keep a job from running twice or being lost:
//   - A heartbeat names an attempt only once it is on disk, so that the next process
//     knows of each attempt that the server has confirmed.
//   - Commands start only after a heartbeat has confirmed the attempt. Until then
//     the server may assign it to another worker without counting it.
//   - An attempt that may be retried, or whose job has a group, is killed before its
//     lease ends. Any other continues through an outage of the server, however long.
//   - A result is durable on disk before it is reported, and stays there until
//     the server has answered.
//   - After a restart, an attempt is taken over, or its end is reported, unless the
//     data directory may be a copy.
package agent
