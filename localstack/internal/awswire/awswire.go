// Package awswire is what the wire code of every emulated service shares: who
// is calling (Signature Version 4), the shape of an error, and request IDs.
package awswire

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// Account is the AWS account that everything in the stack belongs to.
const Account = "000000000000"

// DefaultRegion is assumed where a request names none.
const DefaultRegion = "us-east-1"

// Credentials are an access key that the stack accepts.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
}

// Identity is what a request's signature says of it.
type Identity struct {
	AccessKeyID string
	Region      string // of the credential scope
	Service     string // of the credential scope: sqs, dynamodb, s3, lambda
	Presigned   bool   // the signature stood in the query, not in a header
}

type identityKey struct{}

// An identified context carries an Identity: each request has one.
type identified struct {
	context.Context
	id Identity
}

// Value implements context.Context.
func (c *identified) Value(key any) any {
	if key == (identityKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// WithIdentity returns a context that carries id.
func WithIdentity(ctx context.Context, id Identity) context.Context { return &identified{ctx, id} }

// IdentityFrom returns the caller of the request that ctx belongs to; with no
// signature checked, one of the default region.
func IdentityFrom(ctx context.Context) Identity {
	if c, ok := ctx.Value(identityKey{}).(*identified); ok {
		return c.id
	}
	return Identity{Region: DefaultRegion}
}

// Error is an error answer as AWS gives it. Engines return it (it knows no
// HTTP but the status number); each service's wire code renders it.
type Error struct {
	Status  int    // HTTP status
	Code    string // without namespace: ConditionalCheckFailedException, QueueDoesNotExist, NoSuchKey
	Message string
	// Fields are further members of the error's body, by their wire names:
	// Item, CancellationReasons, BucketName.
	Fields map[string]any
	// Cause is why a status of 500 or above is answered. It is logged, never sent.
	Cause error
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an Error with a formatted message.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// RequestID returns a new request ID in the form of AWS's.
func RequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program first
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	var id [36]byte
	for i, at := 0, 0; i < len(b); i++ {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			id[at] = '-'
			at++
		}
		hex.Encode(id[at:], b[i:i+1])
		at += 2
	}
	return string(id[:])
}
