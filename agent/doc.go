// Package agent is the worker: it registers, polls for jobs, runs them and
// reports their results. It uses only the HTTP API and presigned requests to the
// storage.
//
// Run owns every goroutine and returns when all have ended: the heartbeat loop,
// which tells the server what the worker holds and carries out its orders; the
// poll loop, which takes jobs; and for each attempt one goroutine that runs and
// reports it, and one that uploads its log.
//
// These rules keep a job from running twice or being lost:
//   - Commands start only after a heartbeat has confirmed the attempt. Until then
//     the server may assign it to another worker without counting it.
//   - A retryable attempt is killed before its lease ends. Any other attempt
//     continues through an outage of the server, however long.
//   - A result is durable on disk before it is reported, and stays there until
//     the server has answered.
package agent
