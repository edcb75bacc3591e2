// Package process runs the commands of jobs: each in its own process group (on
// Windows a job object), with an environment that is built and not inherited.
// Nothing of the group is left when a command has ended.
//
// A process that starts its own session leaves the group and outlives the
// command. On Linux, KillStray finds such processes by their environment.
package process
