package control

import "testing"

// TestPollLines: as many polls have their turn as may; of the others the first, when one
// leaves. Who leaves the line is passed over, and who has its turn without knowing it
// passes it on.
func TestPollLines(t *testing.T) {
	t.Parallel()
	var l pollLines
	var turns []<-chan struct{}
	var leaves []func()
	for range maxPolls + 4 {
		turn, leave := l.join("q")
		turns, leaves = append(turns, turn), append(leaves, leave)
	}
	want := func(when string, polls ...int) {
		t.Helper()
		has := map[int]bool{}
		for i := range maxPolls {
			has[i] = true
		}
		for _, i := range polls {
			has[i] = true
		}
		for i, turn := range turns {
			if hasTurn(turn) != has[i] {
				t.Errorf("%s: poll %d has its turn: %v", when, i, hasTurn(turn))
			}
		}
	}
	want("at first")
	if turn, leave := l.join("other"); !hasTurn(turn) {
		t.Error("another queue has a line of its own")
	} else {
		leave()
	}
	leaves[maxPolls]() // from the line
	want("after one left the line")
	leaves[0]()
	want("after one left the queue", maxPolls+1)
	leaves[maxPolls+1]()
	want("after its follower left", maxPolls+1, maxPolls+2)
	for i, leave := range leaves {
		if i != 0 && i != maxPolls && i != maxPolls+1 {
			leave()
		}
	}
	if len(l.queues) > 0 {
		t.Errorf("%d lines are left", len(l.queues))
	}
}
