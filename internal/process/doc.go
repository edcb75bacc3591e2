// Package process runs the commands of jobs: each in its own process group (on
// Windows a job object), with an environment that is built and not inherited.
//
// A process that outlives its command runs on until the last command has ended. Then
// all are ended: terminated and, after a grace, killed. A process that starts its own
// session leaves the group. Linux finds it nevertheless: below this process, after
// AdoptOrphans, else KillStray finds it by its environment.
package process
