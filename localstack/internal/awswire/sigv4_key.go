package awswire

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash"
	"strings"
	"sync"
)

// A signingKey makes signatures of one day, region and service. It keeps its HMACs:
// a new one costs ten allocations, and each request of the stack needs one.
type signingKey struct{ macs sync.Pool }

func newSigningKey(secret []byte) *signingKey {
	return &signingKey{sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
}

// sign returns the signature of a text, in lower-case hex.
func (k *signingKey) sign(text []byte) []byte {
	h := k.macs.Get().(hash.Hash)
	defer k.macs.Put(h)
	h.Reset()
	h.Write(text)
	return hex.AppendEncode(make([]byte, 0, 2*sha256.Size), h.Sum(nil))
}

// signed reports whether signature is that of the text, in constant time.
func (k *signingKey) signed(text []byte, signature string) bool {
	return subtle.ConstantTimeCompare(k.sign(text), []byte(signature)) == 1
}

// keyCache keeps derived signing keys: deriving one takes four HMACs. It takes only
// keys that have verified a signature, so that nobody without an access key can
// fill it.
type keyCache struct {
	mu   sync.RWMutex
	keys map[keyID]*signingKey
}

// keyID is what a signing key is derived from, except for the secret.
type keyID struct{ accessKeyID, day, region, service string }

const maxCachedKeys = 256

func (s *signature) keyID() keyID { return keyID{s.accessKeyID, s.day, s.region, s.service} }

// get returns the key of a signature, and whether it was cached.
func (c *keyCache) get(secret string, sig *signature) (key *signingKey, known bool) {
	c.mu.RLock()
	key, known = c.keys[sig.keyID()]
	c.mu.RUnlock()
	if known {
		return key, true
	}
	derived := []byte("AWS4" + secret)
	for _, part := range []string{sig.day, sig.region, sig.service, "aws4_request"} {
		h := hmac.New(sha256.New, derived)
		h.Write([]byte(part))
		derived = h.Sum(nil)
	}
	return newSigningKey(derived), false
}

func (c *keyCache) put(sig *signature) {
	id := sig.keyID()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxCachedKeys {
		c.keys = map[keyID]*signingKey{}
	}
	// The strings are parts of headers, and would keep those in memory.
	id = keyID{strings.Clone(id.accessKeyID), strings.Clone(id.day), strings.Clone(id.region), strings.Clone(id.service)}
	c.keys[id] = sig.key
}
