package errand

import (
	"crypto/sha256"
	"encoding/hex"
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
	// WorkerName and Labels, of an agent's token, are those of its workers, whatever the
	// agent says. If Labels is empty, the agent's count.
	WorkerName string
	Labels     map[string]string
	// Session is set if this is the token of a session.
	Session *Session
}

// Validate checks a token that an operator grants: those of workers are made by
// registration. The error is an *Error with CodeInvalidField.
func (t *Token) Validate() error {
	if err := CheckOwner(t.Owner); err != nil {
		return err
	}
	for _, q := range t.Queues {
		if !queueRE.MatchString(q) {
			return InvalidField("queue", "queue %q must match %s", q, QueuePattern)
		}
	}
	if err := validateText("worker-name", t.WorkerName, MaxNameRunes); err != nil {
		return err
	}
	if err := ValidateLabels("label", t.Labels); err != nil {
		return err
	}
	if t.Role != RoleAgent && (t.WorkerName != "" || len(t.Labels) > 0) {
		return InvalidField("role", "only a token of role agent may fix a worker's name and labels")
	}
	switch t.Role {
	case RoleUser, RoleAgent, RoleAdmin:
		return nil
	case RoleWorker:
	}
	return InvalidField("role", "role must be user, agent or admin, got %q", t.Role)
}

// CheckOwner checks an owner's name. Errors: CodeInvalidField.
func CheckOwner(name string) error {
	if !ownerRE.MatchString(name) {
		return InvalidField("owner", "owner must match %s, got %q", OwnerPattern, name)
	}
	return nil
}

// tokenPrefixes make a leaked token recognisable, to people and to scanners.
var tokenPrefixes = map[Role]string{RoleUser: "eru_", RoleAgent: "era_", RoleWorker: "erw_", RoleAdmin: "erd_"}

// NewToken returns a token of 32 random bytes for role. A worker's names its ID.
func NewToken(role Role, workerID string) string {
	secret := randomText()
	if role == RoleWorker {
		return tokenPrefixes[role] + workerID + "." + secret
	}
	return tokenPrefixes[role] + secret
}

// RoleOfToken returns the role that a token's form says; false if it has the form of
// none.
func RoleOfToken(token string) (Role, bool) {
	if _, ok := WorkerOfToken(token); ok {
		return RoleWorker, true
	}
	if !tokenRE.MatchString(token) {
		return "", false
	}
	for role, prefix := range tokenPrefixes {
		if strings.HasPrefix(token, prefix) {
			return role, true
		}
	}
	return "", false
}

// HashToken is the form in which a token is stored. The token has 256 random
// bits, so one round of SHA-256 is enough.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// WorkerOfToken is the worker ID in a worker's own token; false if the token
// isn't one.
func WorkerOfToken(token string) (id string, ok bool) {
	if !wtokenRE.MatchString(token) {
		return "", false
	}
	id, _, _ = strings.Cut(strings.TrimPrefix(token, tokenPrefixes[RoleWorker]), ".")
	return id, true
}
