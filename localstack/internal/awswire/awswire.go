// Package awswire is the part of AWS's protocols that all services share: the
// caller's identity (Signature Version 4), errors and request IDs.
package awswire

import (
	"context"
	"crypto/rand"
	"fmt"
)

// Account is the AWS account that everything in the stack belongs to.
const Account = "000000000000"

// DefaultRegion is the region of requests that name none.
const DefaultRegion = "us-east-1"

// Credentials are an access key that the stack accepts.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
}

// Identity is the caller of a request, by its signature.
type Identity struct {
	AccessKeyID string
	Region      string // of the credential scope
	Service     string // of the credential scope: sqs, dynamodb, s3, lambda
	Presigned   bool   // the signature was in the query
	V2          bool   // Signature Version 2, which has no scope
}

type identityKey struct{}

// WithIdentity returns a context that carries id.
func WithIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// IdentityFrom returns the caller of the request that ctx belongs to. If no
// signature was checked, only the region is set, to the default.
func IdentityFrom(ctx context.Context) Identity {
	if id, ok := ctx.Value(identityKey{}).(Identity); ok {
		return id
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
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
