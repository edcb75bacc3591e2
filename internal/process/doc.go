// Package process runs the commands of jobs: each in a directory, with an
// environment that is built and never inherited, in a process group (on Windows
// a job object) of its own that ends as a whole.
//
// What it doesn't reach: a process that made itself a session of its own outlives
// the command. KillStray finds those on Linux, by their environment.
package process
