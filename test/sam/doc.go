// Package sam runs the functions under AWS's own tools: `make sam-local` builds
// them with the SAM CLI, starts them in containers beside the stack in one of
// its own, and sends a job through. The events that `sam local invoke` is given,
// test/events, are checked without any of that.
package sam
