package sqswire

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// hasty is a clock on which no long poll waits.
type hasty struct{ *clock.Manual }

func (c hasty) AfterFunc(d time.Duration, f func()) func() bool {
	if d <= 20*time.Second {
		d = 0
	}
	return c.Manual.AfterFunc(d, f)
}

// FuzzRequest sends any request to a service that has two queues: it answers
// with 200 or with the caller's fault, in a well-formed document.
func FuzzRequest(f *testing.F) {
	f.Add("AmazonSQS.CreateQueue", "/", `{"QueueName":"n.fifo","Attributes":{"FifoQueue":"true"}}`, false)
	f.Add("AmazonSQS.SendMessageBatch", "/", `{"QueueUrl":"q","Entries":[{"Id":"1","MessageBody":"x","MessageAttributes":{"a":{"DataType":"Number","StringValue":"1e"}}}]}`, false)
	f.Add("AmazonSQS.SendMessage", "/", `{"QueueUrl":"q.fifo","MessageBody":"x","MessageGroupId":"g","MessageDeduplicationId":"d","DelaySeconds":0}`, false)
	f.Add("AmazonSQS.ReceiveMessage", "/", `{"QueueUrl":"q","MaxNumberOfMessages":10,"WaitTimeSeconds":20,"AttributeNames":["All"],"VisibilityTimeout":0}`, false)
	f.Add("AmazonSQS.SetQueueAttributes", "/", `{"QueueUrl":"q","Attributes":{"RedrivePolicy":"{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q\",\"maxReceiveCount\":1e0}"}}`, false)
	f.Add("AmazonSQS.StartMessageMoveTask", "/", `{"SourceArn":"arn:aws:sqs:us-east-1:000000000000:q"}`, false)
	f.Add("AmazonSQS.DeleteMessage", "/", `{"QueueUrl":"q","ReceiptHandle":"AQE="}`, false)
	f.Add("", "/000000000000/q?Action=SendMessage&MessageBody=%00", "", true)
	f.Add("", "/queue/eu-west-1/000000000000/q?Action=GetQueueAttributes&AttributeName=All", "", true)
	f.Add("", "/", "Action=AddPermission&QueueUrl=q&Label=l&AWSAccountId.1=1&ActionName.1=*", false)
	f.Add("", "/", "Action=ListQueues&MaxResults=1&NextToken=%3D", true)
	h := fuzzed(f)
	f.Fuzz(func(t *testing.T, target, path, body string, acceptJSON bool) {
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Host != "" {
			return
		}
		r := &http.Request{Method: http.MethodPost, URL: u, Host: "here", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if target != "" {
			r.Header.Set("X-Amz-Target", target)
		}
		if acceptJSON {
			r.Header.Set("Accept", "application/json")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK && (w.Code < 400 || w.Code > 499) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		wellFormed(t, w)
	})
}

func fuzzed(f *testing.F) http.Handler {
	store, err := kv.Open("db", kv.Options{FS: vfs.NewMem(), NoSync: true})
	if err != nil {
		f.Fatal(err)
	}
	e, err := sqs.Open(sqs.Config{Config: engine.Config{Store: store, Clock: hasty{clock.NewManual(time.Unix(1_800_000_000, 0))}}, NoCooldown: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		e.Close()
		if err := store.Close(); err != nil {
			f.Error(err)
		}
	})
	h := New(e)
	for _, form := range []string{"QueueName=q", "QueueName=q.fifo&Attribute.1.Name=FifoQueue&Attribute.1.Value=true"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/?Action=CreateQueue&"+form, nil))
		if w.Code != http.StatusOK {
			f.Fatal(w.Body)
		}
	}
	return h
}

func wellFormed(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %s", w.Body)
		}
		return
	}
	for d := xml.NewDecoder(w.Body); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
}
