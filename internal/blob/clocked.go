package blob

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/errandhq/errand/internal/clock"
)

// clocked signs by a clock of ours: the SDK's presigner takes the machine's.
type clocked struct {
	clock clock.Clock
	http  s3.HTTPPresignerV4
}

// PresignHTTP implements s3.HTTPPresignerV4.
func (c clocked) PresignHTTP(ctx context.Context, creds aws.Credentials, r *http.Request, payloadHash, service, region string, _ time.Time, opts ...func(*v4.SignerOptions)) (string, http.Header, error) {
	return c.http.PresignHTTP(ctx, creds, r, payloadHash, service, region, c.clock.Now(), opts...)
}
