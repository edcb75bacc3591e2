package errand

import "fmt"

// RetryOnExit makes a job run again if its exit code is one of Codes, up to MaxTries times
// in all. Tries that end because their worker was lost count as well; whether the job runs
// again after those is for MaxAttempts to say.
type RetryOnExit struct {
	Codes    []int `json:"codes"`
	MaxTries int   `json:"maxTries"`
}

// MaxRetryCodes is how many exit codes a RetryOnExit may have.
const MaxRetryCodes = 8

func (r *RetryOnExit) validate() error {
	if r == nil {
		return nil
	}
	if len(r.Codes) == 0 || len(r.Codes) > MaxRetryCodes {
		return InvalidField("retryOnExit.codes", "retryOnExit.codes must hold 1 to %d exit codes, not %d", MaxRetryCodes, len(r.Codes))
	}
	for i, code := range r.Codes {
		if err := CheckRange(fmt.Sprintf("retryOnExit.codes[%d]", i), code, 1, 255); err != nil {
			return err
		}
	}
	return CheckRange("retryOnExit.maxTries", r.MaxTries, 2, MaxAttemptsLimit)
}

func (r *RetryOnExit) codes() []int {
	if r == nil {
		return nil
	}
	return r.Codes
}

func (r *RetryOnExit) maxTries() int {
	if r == nil {
		return 0
	}
	return r.MaxTries
}
