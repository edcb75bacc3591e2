package errand

import (
	"crypto/rand"
	"encoding/base64"
	"time"
)

// How long a browser stays signed in, and how long its user has to open the link that
// signs it in.
const (
	SessionLifetime     = 30 * 24 * time.Hour
	SessionCodeLifetime = time.Minute
	StartCodeLifetime   = 10 * time.Minute // of the one that a server prints when it starts
)

// A Session is what a browser has in place of the token of the user who signed it in. It
// may do what that token may, as long as that is valid and the session has not expired.
type Session struct {
	Parent    string // hash of the token that it stands for
	CreatedAt time.Time
	ExpiresAt time.Time
	Browser   string // the browser's User-Agent: what it says of itself
}

// A SessionCode is what is stored of a code that starts a session, once.
type SessionCode struct {
	Hash      string // HashToken of it
	Parent    string // hash of the token that asked for it
	ExpiresAt time.Time
}

// NewSessionToken returns a token of 256 random bits.
func NewSessionToken() string { return "ers_" + randomText() }

// NewSessionCode returns a code of 256 random bits.
func NewSessionCode() string { return "erc_" + randomText() }

// IsSessionToken reports whether text has the form of a session's token.
func IsSessionToken(text string) bool { return sessionRE.MatchString(text) }

// IsSessionCode reports whether text has the form of a code.
func IsSessionCode(text string) bool { return codeRE.MatchString(text) }

// CheckTokenID returns an *Error with CodeInvalidField unless id is a token's hash.
func CheckTokenID(field, id string) error {
	if !hashRE.MatchString(id) {
		return InvalidField(field, "%s must be the ID of a token, 64 hexadecimal digits", field)
	}
	return nil
}

func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program first
	return base64.RawURLEncoding.EncodeToString(b[:])
}
