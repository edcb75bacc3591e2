package stackcli

import (
	"math/rand/v2"

	"github.com/spf13/pflag"

	"github.com/errandhq/errand/internal/terminal"
	"github.com/errandhq/errand/localstack"
)

// ProfileFlags choose how the embedded stack behaves.
type ProfileFlags struct {
	Profile string // normal or hostile
	Seed    uint64 // of the hostile profile; 0: random
}

// AddProfileFlags adds the flags to fl.
func (f *ProfileFlags) AddProfileFlags(fl *pflag.FlagSet) {
	fl.StringVar(&f.Profile, "profile", "normal", "`profile` of the embedded AWS: normal, or hostile, which throttles, delays and loses answers, as AWS may")
	fl.Uint64Var(&f.Seed, "seed", 0, "with --profile hostile: seed `number` of its faults; the same one repeats a run (default random)")
}

// Hostile returns the stack's hostile profile, or nil for the normal one.
func (f *ProfileFlags) Hostile(t *terminal.Terminal) (*localstack.Hostile, error) {
	switch f.Profile {
	case "normal":
		if f.Seed != 0 {
			return nil, terminal.UsageErrorf("--seed requires --profile hostile")
		}
		return nil, nil
	case "hostile":
	default:
		return nil, terminal.UsageErrorf("--profile must be normal or hostile, got %q", f.Profile)
	}
	seed := f.Seed
	if seed == 0 {
		seed = 1 + rand.Uint64N(1_000_000)
	}
	t.Notef("hostile profile; repeat this run with --profile hostile --seed %d", seed)
	return localstack.HostileProfile(seed), nil
}
