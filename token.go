package errand

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// Role is what a token may be used for.
type Role string

// The roles. RoleWorker is that of the token which registration gives.
const (
	RoleUser   Role = "user"   // create; read and cancel one's own
	RoleAgent  Role = "agent"  // register workers
	RoleWorker Role = "worker" // heartbeat, take, submit as one worker
	RoleAdmin  Role = "admin"  // what a user may, for all owners
)

// A Token is what is stored of one: never the token itself.
type Token struct {
	Hash   string // HashToken of it
	Role   Role
	Owner  string
	Queues []string // that it may use; empty: all
}

// A Principal is who a request comes from.
type Principal struct {
	Role     Role
	Owner    string
	Queues   []string // empty: all
	WorkerID string   // of a worker's own token

	worker *Worker // as read to check its token, which saves reading it again
}

// Sees reports whether what belongs to owner exists for p.
func (p Principal) Sees(owner string) bool { return p.Role == RoleAdmin || p.Owner == owner }

// MayUse reports whether p may use the queue.
func (p Principal) MayUse(queue string) bool {
	return len(p.Queues) == 0 || slices.Contains(p.Queues, queue)
}

// A Caller is a principal and how it reached us.
type Caller struct {
	Principal
	// Origin is scheme://host as the caller addressed the API. Blobs may sign
	// URLs for it, where the operator allows that host.
	Origin string
}

// tokenPrefixes make a leaked token recognisable, to people and to scanners.
var tokenPrefixes = map[Role]string{RoleUser: "eru_", RoleAgent: "era_", RoleWorker: "erw_", RoleAdmin: "erd_"}

// NewToken returns a token of 32 random bytes for role. A worker's names its ID.
func NewToken(role Role, workerID string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program first
	secret := base64.RawURLEncoding.EncodeToString(b[:])
	if role == RoleWorker {
		return tokenPrefixes[role] + workerID + "." + secret
	}
	return tokenPrefixes[role] + secret
}

// HashToken is the form in which a token is stored. The token has 256 random
// bits, so one round of SHA-256 is enough.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// workerOfToken is the worker ID in a worker's own token.
func workerOfToken(token string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefixes[RoleWorker])
	if !ok {
		return "", false
	}
	id, _, ok = strings.Cut(rest, ".")
	return id, ok
}
