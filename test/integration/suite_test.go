package integration

import (
	"context"
	"log/slog"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/control/controltest"
	"github.com/errandhq/errand/internal/setup"
)

// differs says what an endpoint is known not to do as AWS does. Each is skipped
// by name where it is tested.
type differs struct {
	noAttemptIDs bool // ReceiveRequestAttemptId is not honoured
	showsGroups  bool // a group is not held up once one of its received messages is shown again
	noSignatures bool // presigned requests are answered with any signature
}

// suite runs everything against an AWS in which nothing of ours is.
func suite(t *testing.T, cfg aws.Config, d differs, f functions) {
	w := &world{cfg: cfg, differs: d, functions: f, settings: provisioned(t, cfg)}
	w.svc = setup.NewService(setup.Process{AWS: cfg, Log: slog.New(slog.DiscardHandler)}, w.settings)
	t.Run("Store", func(t *testing.T) { controltest.Store(t, w.svc.Store) })
	t.Run("Queue", func(t *testing.T) { controltest.Queue(t, w.svc.Queue, w.queueOptions()) })
	t.Run("Blobs", func(t *testing.T) { controltest.Blobs(t, w.svc.Blobs, w.blobsOptions()) })
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

func (w *world) queueOptions() controltest.QueueOptions {
	url := w.settings.Queues[errand.DefaultQueue]
	return controltest.QueueOptions{
		NoAttemptIDs: w.differs.noAttemptIDs, ShowsGroups: w.differs.showsGroups,
		SendRaw: func(ctx context.Context, group, body string) error {
			_, err := sqs.NewFromConfig(w.cfg).SendMessage(ctx, &sqs.SendMessageInput{
				QueueUrl: &url, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: aws.String("x" + group),
			})
			return err
		},
	}
}

// blobsOptions has signed requests go where the SDK's go: the embedded stack
// listens nowhere.
func (w *world) blobsOptions() controltest.BlobsOptions {
	return controltest.BlobsOptions{HTTP: w.cfg.HTTPClient, NoSignatures: w.differs.noSignatures}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// localStackDiffers is what LocalStack 4.14.0 was seen to do otherwise.
var localStackDiffers = differs{noAttemptIDs: true, showsGroups: true, noSignatures: true}
