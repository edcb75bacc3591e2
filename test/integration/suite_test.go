package integration

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/oklog/ulid/v2"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/setup"
)

// patience bounds the waits for what an AWS does later: indexes that lag,
// tickets that come. It ends a test that is stuck, and measures nothing.
const patience = 90 * time.Second

// differs says what an endpoint is known not to do as AWS does. Each is skipped
// by name where it is tested.
type differs struct {
	noAttemptIDs bool // ReceiveRequestAttemptId is not honoured
	noSignatures bool // presigned requests are answered with any signature
}

// suite runs everything against an AWS in which nothing of ours is.
func suite(t *testing.T, cfg aws.Config, d differs, f functions) {
	w := &world{cfg: cfg, differs: d, functions: f, settings: provision(t, cfg)}
	w.svc = setup.NewService(cfg, w.settings, setup.Clock{}, slog.New(slog.DiscardHandler))
	t.Run("Store", w.store)
	t.Run("Queue", w.queue)
	t.Run("Blobs", w.blobs)
	t.Run("Service", w.service)
	t.Run("Direct", w.direct)
}

// world is a control plane over the AWS under test.
type world struct {
	cfg       aws.Config
	differs   differs
	functions functions
	settings  setup.Settings
	svc       *control.Service
}

func newID() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }

// newJob is a job as the Service makes one.
func newJob(owner string) (*errand.Spec, *errand.State) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	spec := &errand.Spec{
		ID: newID(), Owner: owner, Commands: []errand.Command{{Shell: "echo é"}, {Argv: []string{"a", ""}}},
		Queue: errand.DefaultQueue, MaxAttempts: 2, TimeoutSeconds: 60, LeaseSeconds: 300, CreatedAt: now,
	}
	state := errand.NewState(spec, errand.DefaultTiming())
	return spec, &state
}

// eventually tries until ok, for what an index or a queue shows later.
func eventually(t *testing.T, what string, ok func(ctx context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// owner is a name that no other run has.
func owner() string { return "it-" + strings.ToLower(rand.Text()[:12]) }

// localStackDiffers is what LocalStack 4.14.0 was seen to do otherwise.
var localStackDiffers = differs{noAttemptIDs: true, noSignatures: true}
