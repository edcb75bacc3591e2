// Package agent is the worker: it registers, asks for jobs, runs them and
// reports. All it has is the HTTP API and presigned requests to the storage.
//
// Who owns what: Run owns every goroutine and returns when all have ended.
// There are the heartbeat loop, which alone says what the worker holds and
// carries out orders; the poll loop, which alone takes work; and for each
// attempt one goroutine that runs it to its report, and one that uploads its log.
//
// The rules that keep a job from running twice or being lost:
//   - Commands start only once a heartbeat has confirmed the attempt. Until then
//     the server may give it to someone else without counting it.
//   - A retryable attempt is killed before its lease ends unrenewed. One that is
//     not runs on through an outage of the server, whatever its length.
//   - What came out is on disk, durably, before it is reported, and stays there
//     until the server has answered.
package agent
