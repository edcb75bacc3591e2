package localstack

import (
	"net/http"
	"time"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb/dynamodbwire"
	"github.com/errandhq/errand/localstack/internal/gateway"
	"github.com/errandhq/errand/localstack/internal/hostile"
	"github.com/errandhq/errand/localstack/internal/lambda/lambdawire"
	"github.com/errandhq/errand/localstack/internal/s3/s3wire"
	"github.com/errandhq/errand/localstack/internal/sqs/sqswire"
)

type (
	// Hostile has the probability of each fault that a stack injects. The zero value
	// injects none.
	Hostile = hostile.Profile
	// HostileRequestFaults are the faults of any request of a service.
	HostileRequestFaults = hostile.RequestFaults
)

// HostileProfile returns a profile in which about one request in ten fails. The
// caller may change it. The seed determines which faults happen.
func HostileProfile(seed uint64) *Hostile { return hostile.Preset(seed) }

// Hostility returns how often each kind of fault has happened since Start:
// "sqs.throttled", "dynamodb.lostAnswer", "s3.cutRequest", "schedule.twice".
func (s *Stack) Hostility() map[string]int64 { return s.hostile.Counts() }

func (s *Stack) openHostility() {
	s.hostile = hostile.NewRandom(0)
	if s.cfg.Hostile == nil {
		s.cfg.Hostile = &Hostile{}
		return
	}
	s.hostile = hostile.NewRandom(s.cfg.Hostile.Seed)
}

// withFaults injects the faults of a service's requests.
func (s *Stack) withFaults(m *hostile.Middleware) http.Handler {
	if m.Faults == (HostileRequestFaults{}) && m.CutRequest == 0 && m.CutAnswer == 0 {
		return m.Next
	}
	m.Random = s.hostile
	return m
}

// The errors are those on the services' pages "Common Errors" and in their models.

func (s *Stack) hostileSQS(next http.Handler) http.Handler {
	return s.withFaults(&hostile.Middleware{
		Service: "sqs", Faults: s.cfg.Hostile.SQS.RequestFaults, Operation: sqsOperation, Fail: sqswire.WriteError, Next: next,
		Throttle: []*awswire.Error{
			awswire.Errorf(http.StatusForbidden, "RequestThrottled", "Request is throttled."),
			awswire.Errorf(http.StatusBadRequest, "ThrottlingException", "Rate exceeded"),
		},
		Failure: awswire.Errorf(http.StatusInternalServerError, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure."),
	})
}

func (s *Stack) hostileDynamoDB(next http.Handler) http.Handler {
	fail := dynamodbwire.WriteError
	h := &s.cfg.Hostile.DynamoDB
	if h.Conflict > 0 || h.Partial > 0 {
		next = &hostile.DynamoDBMiddleware{Random: s.hostile, DynamoDB: *h, Fail: fail, Next: next}
	}
	return s.withFaults(&hostile.Middleware{
		Service: "dynamodb", Faults: h.RequestFaults, Operation: targetOperation, Fail: fail, Next: next,
		Throttle: []*awswire.Error{
			awswire.Errorf(http.StatusBadRequest, "ProvisionedThroughputExceededException", "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."),
			awswire.Errorf(http.StatusBadRequest, "ThrottlingException", "Rate of requests exceeds the allowed throughput."),
		},
		Failure: awswire.Errorf(http.StatusInternalServerError, "InternalServerError", "Internal server error"),
	})
}

func (s *Stack) hostileS3(next http.Handler) http.Handler {
	h := &s.cfg.Hostile.S3
	return s.withFaults(&hostile.Middleware{
		Service: "s3", Faults: h.RequestFaults, CutRequest: h.CutRequest, CutAnswer: h.CutAnswer,
		Operation: s3Operation, Fail: s3wire.WriteError, Next: next,
		Throttle: []*awswire.Error{
			awswire.Errorf(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate."),
			awswire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "Service is unable to handle request."),
		},
		Failure: awswire.Errorf(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."),
	})
}

func (s *Stack) hostileLambda(next http.Handler) http.Handler {
	return s.withFaults(&hostile.Middleware{
		Service: "lambda", Faults: s.cfg.Hostile.Lambda.RequestFaults, Operation: lambdawire.Operation, Next: next,
		Fail:     func(w http.ResponseWriter, _ *http.Request, e *awswire.Error) { lambdawire.WriteError(w, e) },
		Throttle: []*awswire.Error{awswire.Errorf(http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")},
		Failure:  awswire.Errorf(http.StatusInternalServerError, "ServiceException", "An error occurred on the server side."),
	})
}

// hostileAPI is for the HTTP API, whose errors have no codes.
func (s *Stack) hostileAPI(next *gateway.Gateway) http.Handler {
	return s.withFaults(&hostile.Middleware{
		Service: "api", Faults: s.cfg.Hostile.API, Operation: next.RouteKey, Next: next,
		Fail: func(w http.ResponseWriter, _ *http.Request, e *awswire.Error) {
			gateway.WriteError(w, e.Status, e.Message)
		},
		Throttle: []*awswire.Error{awswire.Errorf(http.StatusTooManyRequests, "", "Too Many Requests")},
		Failure:  awswire.Errorf(http.StatusServiceUnavailable, "", "Service Unavailable"),
	})
}

// lateBy returns how late a schedule's next event is.
func (s *Stack) lateBy() time.Duration {
	h := &s.cfg.Hostile.Schedule
	if !s.hostile.Happens("schedule.late", h.Late) {
		return 0
	}
	return s.hostile.Duration("schedule.late", h.LateMost)
}

func (s *Stack) twice() bool {
	return s.hostile.Happens("schedule.twice", s.cfg.Hostile.Schedule.Twice)
}
