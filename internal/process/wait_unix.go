//go:build unix && !linux

package process

// waitLeader waits for the leader's end and reaps it. The group's ID stays in
// use while a process of the group lives; with none left, it could in theory be
// given to a stranger before kill uses it. IDs are given out in turn, so that
// takes a full round of them within PipeWait.
func (g *group) waitLeader() { g.reap() }
