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

// A signingKey makes signatures of one day, region and service.
type signingKey struct {
	// macs are hashes under the key, ready for a text: what they begin with, the
	// key's own blocks, is computed once.
	macs sync.Pool
}

// A mac is a hash with room for its sum.
type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

func newSigningKey(key []byte) *signingKey {
	return &signingKey{macs: sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }}}
}

// sign is the signature of a text, in lower-case hex.
func (k *signingKey) sign(text []byte) (signature [2 * sha256.Size]byte) {
	h := k.macs.Get().(*mac)
	defer k.macs.Put(h)
	h.Reset()
	h.Write(text)
	hex.Encode(signature[:], h.Sum(h.sum[:0]))
	return signature
}

// signed reports whether signature is that of the text, in a time that doesn't
// tell where it differs.
func (k *signingKey) signed(text []byte, signature string) bool {
	want := k.sign(text)
	var given [len(want)]byte
	n := copy(given[:], signature)
	return n == len(signature) && subtle.ConstantTimeCompare(want[:], given[:n]) == 1
}

// keyCache saves deriving the signing key, four HMACs, for each request. Only
// keys that have verified a signature get in, so no stranger can fill it.
type keyCache struct {
	mu   sync.RWMutex
	keys map[keyID]*signingKey
}

// keyID is what a signing key is derived from, beside the secret.
type keyID struct{ accessKeyID, day, region, service string }

const maxCachedKeys = 256

func (s *signature) keyID() keyID { return keyID{s.accessKeyID, s.day, s.region, s.service} }

// get returns the key of a signature, and whether it was there already.
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
	// The parts of the ID are parts of headers: copied, they don't hold those.
	id = keyID{strings.Clone(id.accessKeyID), strings.Clone(id.day), strings.Clone(id.region), strings.Clone(id.service)}
	c.keys[id] = sig.key
}
