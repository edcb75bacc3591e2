package crash

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// kills is how often the stack is killed: ERRAND_CRASH_KILLS, or a few.
func kills(t *testing.T) int {
	v := os.Getenv("ERRAND_CRASH_KILLS")
	if v == "" {
		return 15
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("ERRAND_CRASH_KILLS: %v", err)
	}
	return n
}

// TestKill kills a stack under load, after a random number of answers, again
// and again on the same data, and checks after each restart that what was
// acknowledged holds: messages, deletes, order, what is in flight, receive
// counts, deduplication and attempts.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	l := newLedger()
	answers := 0
	n := kills(t)
	for round := range n {
		faults := crash(t, dir, l, round, 1+random.IntN(300), random.Uint64())
		for _, fault := range faults {
			t.Errorf("kill %d: %s", round+1, fault)
		}
		if t.Failed() {
			return
		}
		answers += l.answers
		l.forget()
	}
	t.Logf("%d kills under load, %d answers held", n, answers)
}

// crash runs a load on dir's stack, kills it after so many answers, and checks
// what the next finds.
func crash(t *testing.T, dir string, l *ledger, round, limit int, seed uint64, env ...string) (faults []string) {
	t.Helper()
	v := start(t, dir, env...)
	url, err := createQueue(v.client)
	if err != nil {
		t.Fatal(err)
	}
	(&load{client: v.client, url: url, ledger: l, round: round, limit: limit, kill: v.kill}).run(seed)

	again := start(t, dir)
	defer again.kill()
	if url, err = createQueue(again.client); err != nil {
		t.Fatal(err)
	}
	return (&check{client: again.client, url: url, ledger: l}).run()
}

// TestKillFindsWhatIsMissing: with durability off, the check finds lost
// messages. Else it could find nothing at all. The log is written in blocks, and
// a kill may come just when one was: then another is tried.
func TestKillFindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	var faults []string
	for try := 0; try < 5 && len(faults) == 0; try++ {
		faults = crash(t, t.TempDir(), newLedger(), 0, 150, uint64(try), "ERRAND_CRASH_NOSYNC=1")
	}
	if len(faults) == 0 {
		t.Error("nothing was synced, and nothing is missed")
	}
	for _, fault := range faults[:min(3, len(faults))] {
		t.Log(fault)
	}
}
