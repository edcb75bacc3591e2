package process

import (
	"errors"
	"os"

	"github.com/errandhq/errand"
)

// openTerminal is not supported: a Windows pseudo-console has to be passed to the new
// process in a way that os/exec lacks.
func openTerminal(*errand.Terminal) (r, w *os.File, err error) {
	return nil, nil, errors.ErrUnsupported
}

// HasTerminals says whether a Sequence can run commands under a pseudo-terminal.
const HasTerminals = false

const canPollTerminals = false
