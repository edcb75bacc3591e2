package errandbin

import (
	"hash/fnv"
	"os"
	"strconv"
	"testing"
)

// Hostile is whether the tests run in the hostile profile.
func Hostile() bool { return os.Getenv("ERRAND_PROFILE") == "hostile" }

// ProfileFlags are what errand local gets of ERRAND_PROFILE=hostile and
// ERRAND_SEED=N (1 if not given), which run the tests over a stack that does
// what AWS permits itself. Each test has a seed of its own, of N and its name.
func ProfileFlags(t *testing.T) []string {
	t.Helper()
	if !Hostile() {
		return nil
	}
	seed := 1
	if s := os.Getenv("ERRAND_SEED"); s != "" {
		var err error
		if seed, err = strconv.Atoi(s); err != nil {
			t.Fatalf("ERRAND_SEED: %v", err)
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.Name())) // never fails
	return []string{"--profile", "hostile", "--seed", strconv.Itoa(seed*1_000_000 + int(h.Sum32()%1_000_000))}
}
