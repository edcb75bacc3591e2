//go:build unix && !linux

package process

// waitLeader waits for the leader's end and reaps it. If no process of the group
// is left, its ID could in theory be reused before kill uses it; IDs are assigned
// in turn, so that takes a full round of them within PipeWait.
func (g *group) waitLeader() { g.reap() }
