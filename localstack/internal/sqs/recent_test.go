package sqs

import (
	"fmt"
	"testing"
)

// TestRecent: it never denies what it was told, forgets what has expired, and
// seldom suspects a stranger.
func TestRecent(t *testing.T) {
	var r recent
	const n, life = 30_000, 1000
	id := func(i int) hash { return hashOf("queue", fmt.Sprint(i)) }
	for i := range n { // one in each millisecond
		now := int64(i)
		r.add(id(i), now+life)
		for _, age := range []int{0, 1, life / 2, life - 1} {
			if i >= age && !r.mayHold(id(i-age), now) {
				t.Fatalf("at %d it denies %d", now, i-age)
			}
		}
	}
	suspects := 0
	for i := range n {
		if r.mayHold(hashOf("stranger", fmt.Sprint(i)), n) {
			suspects++
		}
	}
	if suspects > n/20 {
		t.Errorf("it suspects %d of %d strangers", suspects, n)
	}
	if r.mayHold(id(0), 2*n) || len(r.filters) != 0 {
		t.Errorf("it keeps %d filters of what has expired", len(r.filters))
	}
	r.unsure = 3 * n
	if !r.mayHold(id(n+1), 2*n) {
		t.Error("it denies what may be of the run before")
	}
}
