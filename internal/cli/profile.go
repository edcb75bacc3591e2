package cli

import (
	"math/rand/v2"

	"github.com/spf13/cobra"

	"github.com/errandhq/errand/localstack"
)

// profileFlags choose how the embedded stack behaves.
type profileFlags struct {
	profile string
	seed    uint64
}

func (f *profileFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.profile, "profile", "normal", "normal, or hostile: throttle, lose answers and lag, as AWS may")
	fl.Uint64Var(&f.seed, "seed", 0, "what the hostile profile is made of, to repeat a run (default random)")
}

// hostile is the stack's profile, of a random seed where none was given; nil is
// the normal one.
func (f *profileFlags) hostile(u *ui) (*localstack.Hostile, error) {
	switch f.profile {
	case "normal":
		if f.seed != 0 {
			return nil, usageErrorf("--seed is of --profile hostile")
		}
		return nil, nil
	case "hostile":
	default:
		return nil, usageErrorf("--profile must be normal or hostile, not %q", f.profile)
	}
	seed := f.seed
	if seed == 0 {
		seed = 1 + rand.Uint64N(1_000_000)
	}
	u.notef("hostile profile; the same again: --profile hostile --seed %d", seed)
	return localstack.HostileProfile(seed), nil
}
