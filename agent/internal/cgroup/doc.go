// Package cgroup puts the processes of attempts into control groups of their own, which
// limit them together and end them together, also those of other users. It needs cgroup
// version 2 of Linux and a group that is delegated to this process:
//
//	GROUP/                     has the controllers, and no processes
//	GROUP/agent/               the agent and its supervisors
//	GROUP/job-<name>/          an attempt's processes
//
// https://docs.kernel.org/admin-guide/cgroup-v2.html
// https://systemd.io/CGROUP_DELEGATION/
package cgroup

import "errors"

// ErrUnsupported: limits can't be enforced here. It is wrapped with the reason.
var ErrUnsupported = errors.New("limits can't be enforced here")
