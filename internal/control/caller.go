package control

import (
	"cmp"
	"slices"

	"github.com/errandhq/errand"
)

// A Principal is the authenticated sender of a request.
type Principal struct {
	Role     errand.Role
	Owner    string
	Queues   []string // empty: all
	WorkerID string   // of a worker's own token
	// WorkerName and Labels are those of the workers that it registers: see errand.Token.
	WorkerName string
	Labels     map[string]string
	// TokenHash is the hash of the permanent token, unless it is a worker's: also that of
	// the token that a session stands for.
	TokenHash   string
	Session     *errand.Session // nil: the caller's token is no session's
	SessionHash string          // of the session's token

	worker *errand.Worker // as read to check its token, which saves reading it again
}

// TokenID identifies the token that the caller uses: its hash.
func (p Principal) TokenID() string { return cmp.Or(p.SessionHash, p.TokenHash) }

// Sees reports whether p may see what belongs to owner.
func (p Principal) Sees(owner string) bool { return p.Role == errand.RoleAdmin || p.Owner == owner }

// MayUse reports whether p may use the queue.
func (p Principal) MayUse(queue string) bool {
	return len(p.Queues) == 0 || slices.Contains(p.Queues, queue)
}

// A Caller is a principal and the address that it used.
type Caller struct {
	Principal
	// Origin is the scheme://host that the caller used for the API. Blobs may sign
	// URLs for it if the operator allows that host.
	Origin string
}
