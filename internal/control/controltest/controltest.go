// Package controltest is the conformance suite of what internal/control needs:
// Store, Queue and Blobs. Every implementation runs it.
package controltest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/errandhq/errand"
)

// Patience bounds the waits for what an AWS does later: indexes that lag,
// tickets that come. It ends a test that is stuck, and measures nothing.
const Patience = 90 * time.Second

// NewID is the ID of a job.
func NewID() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }

// newJob is a job as the Service makes one.
func newJob(owner string) (*errand.Spec, *errand.State) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	spec := &errand.Spec{
		ID: NewID(), Owner: owner, Commands: []errand.Command{{Shell: "echo é"}, {Argv: []string{"a", ""}}},
		Queue: errand.DefaultQueue, MaxAttempts: 2, TimeoutSeconds: 60, LeaseSeconds: 300, CreatedAt: now,
	}
	return spec, errand.NewState(spec, errand.DefaultTiming())
}

// Eventually tries until ok, for what an index or a queue shows later.
func Eventually(t *testing.T, what string, ok func(ctx context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s doesn't come", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// SHA256 is in lower-case hex.
func SHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// NewOwner is a name that no other run has.
func NewOwner() string { return "it-" + strings.ToLower(rand.Text()[:12]) }
