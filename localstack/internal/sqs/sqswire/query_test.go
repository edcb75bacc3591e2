package sqswire_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// post sends a query request; params are "Name=value".
func post(t testing.TB, at string, params ...string) (status int, body string) {
	t.Helper()
	form := url.Values{}
	for _, p := range params {
		k, v, _ := strings.Cut(p, "=")
		form.Set(k, v)
	}
	r, err := http.PostForm(at, form)
	must(t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	must(t, err)
	return r.StatusCode, string(b)
}

// field is the text of the first element of that name.
func field(body, name string) string {
	_, rest, _ := strings.Cut(body, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

func TestQueryCycle(t *testing.T) {
	base, _ := serve(t)
	_, created := post(t, base, "Action=CreateQueue", "QueueName=q.fifo", "Attribute.1.Name=FifoQueue", "Attribute.1.Value=true",
		"Attribute.2.Name=ContentBasedDeduplication", "Attribute.2.Value=true", "Tag.1.Key=empty", "Tag.1.Value=")
	q := field(created, "QueueUrl")
	if q != base+"/000000000000/q.fifo" {
		t.Fatalf("created: %s", created)
	}
	// The action goes to the queue's URL, as old SDKs send it.
	_, sent := post(t, q, "Action=SendMessage", "MessageBody=a<b>\r\n&", "MessageGroupId=g",
		"MessageAttribute.1.Name=bin", "MessageAttribute.1.Value.DataType=Binary", "MessageAttribute.1.Value.BinaryValue=AQI=")
	if field(sent, "SequenceNumber") == "" || field(sent, "MD5OfMessageAttributes") == "" {
		t.Errorf("sent: %s", sent)
	}
	_, batch := post(t, base, "Action=SendMessageBatch", "QueueUrl="+q,
		"SendMessageBatchRequestEntry.2.Id=late", "SendMessageBatchRequestEntry.2.MessageBody=3", "SendMessageBatchRequestEntry.2.MessageGroupId=g", "SendMessageBatchRequestEntry.2.DelaySeconds=9",
		"SendMessageBatchRequestEntry.1.Id=good", "SendMessageBatchRequestEntry.1.MessageBody=2", "SendMessageBatchRequestEntry.1.MessageGroupId=g")
	if field(field(batch, "SendMessageBatchResultEntry"), "Id") != "good" || field(field(batch, "BatchResultErrorEntry"), "SenderFault") != "true" {
		t.Errorf("batch: %s", batch)
	}
	_, got := post(t, q, "Action=ReceiveMessage", "MaxNumberOfMessages=10", "AttributeName.1=All", "MessageAttributeName.1=bin")
	var received struct {
		Messages []struct {
			Body              string
			ReceiptHandle     string
			MessageAttributes []struct {
				Name  string
				Value struct{ DataType, BinaryValue string }
			} `xml:"MessageAttribute"`
		} `xml:"ReceiveMessageResult>Message"`
	}
	must(t, xml.Unmarshal([]byte(got), &received))
	if len(received.Messages) != 2 || received.Messages[0].Body != "a<b>\r\n&" || received.Messages[0].MessageAttributes[0].Value.BinaryValue != "AQI=" {
		t.Fatalf("received: %s", got)
	}
	_, deleted := post(t, q, "Action=DeleteMessageBatch",
		"DeleteMessageBatchRequestEntry.1.Id=x", "DeleteMessageBatchRequestEntry.1.ReceiptHandle="+received.Messages[0].ReceiptHandle)
	if field(field(deleted, "DeleteMessageBatchResultEntry"), "Id") != "x" {
		t.Errorf("deleted: %s", deleted)
	}
	_, changed := post(t, q, "Action=ChangeMessageVisibility", "VisibilityTimeout=0", "ReceiptHandle="+received.Messages[1].ReceiptHandle)
	if !strings.Contains(changed, "<ChangeMessageVisibilityResponse") || strings.Contains(changed, "Result") {
		t.Errorf("changed: %s", changed)
	}
	_, attributes := post(t, q, "Action=GetQueueAttributes", "AttributeName.1=ApproximateNumberOfMessages")
	if field(attributes, "Attribute") != "<Name>ApproximateNumberOfMessages</Name><Value>1</Value>" {
		t.Errorf("attributes: %s", attributes)
	}
	_, tags := post(t, q, "Action=ListQueueTags")
	if field(tags, "Tag") != "<Key>empty</Key><Value></Value>" {
		t.Errorf("tags: %s", tags)
	}
	if r, err := http.Get(base + "/?Action=ListQueues"); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("GET: %v, %v", r, err)
	}
}

// Lists of one come with no number from old clients.
func TestQueryWithoutNumbers(t *testing.T) {
	base, _ := serve(t)
	post(t, base, "Action=CreateQueue", "QueueName=x", "Attribute.Name=DelaySeconds", "Attribute.Value=5", "Tag.Key=k", "Tag.Value=v")
	_, attributes := post(t, base+"/000000000000/x", "Action=GetQueueAttributes", "AttributeName=DelaySeconds")
	if got := field(attributes, "Attribute"); got != "<Name>DelaySeconds</Name><Value>5</Value>" {
		t.Errorf("attributes: %s", attributes)
	}
	_, tags := post(t, base+"/000000000000/x", "Action=ListQueueTags")
	if got := field(tags, "Tag"); got != "<Key>k</Key><Value>v</Value>" {
		t.Errorf("tags: %s", tags)
	}
	post(t, base+"/000000000000/x", "Action=UntagQueue", "TagKey=k")
	if _, tags := post(t, base+"/000000000000/x", "Action=ListQueueTags"); field(tags, "Tag") != "" {
		t.Errorf("untagged: %s", tags)
	}
}

// The header of X-Ray becomes the message's system attribute.
func TestTraceHeader(t *testing.T) {
	base, _ := serve(t)
	post(t, base, "Action=CreateQueue", "QueueName=x")
	r, err := http.NewRequest(http.MethodGet, base+"/000000000000/x?Action=SendMessage&MessageBody=b", nil)
	must(t, err)
	r.Header.Set("X-Amzn-Trace-Id", "Root=1")
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	resp.Body.Close()
	_, got := post(t, base+"/000000000000/x", "Action=ReceiveMessage", "MessageSystemAttributeName.1=AWSTraceHeader")
	if field(got, "Attribute") != "<Name>AWSTraceHeader</Name><Value>Root=1</Value>" {
		t.Errorf("received: %s", got)
	}
}

// A query that accepts JSON is answered so, as API Gateway does with SQS.
func TestQueryJSON(t *testing.T) {
	base, _ := serve(t)
	post(t, base, "Action=CreateQueue", "QueueName=x")
	post(t, base+"/000000000000/x", "Action=SendMessage", "MessageBody=a\rb",
		"MessageAttribute.1.Name=n", "MessageAttribute.1.Value.DataType=Binary", "MessageAttribute.1.Value.BinaryValue=AQI=")
	get := func(path string) (int, map[string]map[string]map[string]any) {
		r, err := http.NewRequest(http.MethodGet, base+path, nil)
		must(t, err)
		r.Header.Set("Accept", "application/json")
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		defer resp.Body.Close()
		if kind := resp.Header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("%s: content type %s", path, kind)
		}
		var doc map[string]json.RawMessage
		must(t, json.NewDecoder(resp.Body).Decode(&doc))
		out := map[string]map[string]map[string]any{}
		for name, raw := range doc {
			var level map[string]map[string]any
			if json.Unmarshal(raw, &level) == nil {
				out[name] = level
			} else {
				var flat map[string]any
				if json.Unmarshal(raw, &flat) == nil {
					out[name] = map[string]map[string]any{"": flat}
				}
			}
		}
		return resp.StatusCode, out
	}
	_, doc := get("/?Action=ListQueues")
	if got := fmt.Sprint(doc["ListQueuesResponse"]["ListQueuesResult"]["queueUrls"]); got != "["+base+"/000000000000/x]" {
		t.Errorf("queueUrls: %s", got)
	}
	_, doc = get("/000000000000/x?Action=ReceiveMessage&MessageAttributeName.1=All")
	messages, _ := doc["ReceiveMessageResponse"]["ReceiveMessageResult"]["messages"].([]any)
	if len(messages) != 1 {
		t.Fatalf("received: %v", doc)
	}
	m := messages[0].(map[string]any)
	if got := fmt.Sprint(m["Body"], " ", m["MessageAttributes"]); got != "a\rb [map[Name:n Value:map[BinaryListValues:<nil> BinaryValue:AQI= DataType:Binary StringListValues:<nil> StringValue:<nil>]]]" {
		t.Errorf("message: %s", got)
	}
	_, doc = get("/000000000000/x?Action=GetQueueAttributes&AttributeName.1=DelaySeconds")
	if got := fmt.Sprint(doc["GetQueueAttributesResponse"]["GetQueueAttributesResult"]["Attributes"]); got != "[map[Name:DelaySeconds Value:0]]" {
		t.Errorf("attributes: %s", got)
	}
	status, doc := get("/000000000000/x?Action=ListQueues")
	if e := doc["Error"][""]; status != 400 || e["Code"] != "InvalidAction" || e["Message"] != "The action ListQueues is not valid for this endpoint." {
		t.Errorf("error: %d %v", status, doc)
	}
}

func TestQueryErrors(t *testing.T) {
	base, _ := serve(t)
	tests := []struct {
		path   string
		params []string
		status int
		code   string
		text   string
	}{
		{"/000000000000/none", []string{"Action=SendMessage", "MessageBody=x"}, 400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist for this wsdl version."},
		{"/", []string{"Action=Fly"}, 400, "InvalidAction", "The action Fly is not valid for this endpoint."},
		{"/000000000000/x", []string{"Action=CreateQueue", "QueueName=y"}, 400, "InvalidAction", "The action CreateQueue is not valid for this endpoint."},
		{"/", nil, 404, "", ""},
		{"/", []string{"Action=SendMessage", "MessageBody=x"}, 400, "MissingParameter", "The request must contain the parameter QueueUrl."},
		{"/000000000000/x", []string{"Action=ReceiveMessage", "MaxNumberOfMessages=many"}, 400, "MalformedInput", "MaxNumberOfMessages"},
		{"/000000000000/x", []string{"Action=ReceiveMessage", "MaxNumberOfMessages=11"}, 400, "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."},
		{"/000000000000/x", []string{"Action=PurgeQueue"}, 403, "AWS.SimpleQueueService.PurgeQueueInProgress", "Only one"},
	}
	post(t, base, "Action=CreateQueue", "QueueName=x")
	post(t, base+"/000000000000/x", "Action=PurgeQueue")
	for _, tt := range tests {
		status, body := post(t, base+tt.path, tt.params...)
		if status != tt.status || field(body, "Code") != tt.code || !strings.Contains(field(body, "Message"), tt.text) {
			t.Errorf("%v: got %d %s\nwant %d %s: %s", tt.params, status, body, tt.status, tt.code, tt.text)
		}
	}
}

func TestJSONErrors(t *testing.T) {
	t.Parallel()
	base, _ := serve(t)
	tests := []struct {
		target, body string
		status       int
		kind, query  string
	}{
		{"AmazonSQS.PurgeQueue", `{"QueueUrl":"none"}`, 400, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue;Sender"},
		{"AmazonSQS.CreateQueue", `{"QueueName":"a b"}`, 400, "com.amazonaws.sqs#InvalidParameterValueException", "InvalidParameterValue;Sender"},
		{"AmazonSQS.CreateQueue", `{"queueName":"a"}`, 400, "com.amazonaws.sqs#MissingRequiredParameterException", "MissingParameter;Sender"},
		{"AmazonSQS.CreateQueue", `{"QueueName":"a b","QUEUENAME":"a","Unknown":{}}`, 400, "com.amazonaws.sqs#InvalidParameterValueException", "InvalidParameterValue;Sender"},
		{"AmazonSQS.CreateQueue", `{"QueueName":`, 400, "com.amazon.coral.service#SerializationException", ""},
		{"AmazonSQS.CreateQueue", `{"QueueName":7}`, 400, "com.amazon.coral.service#SerializationException", ""},
		{"AmazonSQS.CreateQueue", strings.Repeat(" ", 9<<20), 413, "com.amazon.coral.service#SerializationException", ""},
		{"AmazonSQS.Fly", `{}`, 404, "com.amazon.coral.service#UnknownOperationException", ""},
		{"DynamoDB.GetItem", `{}`, 404, "com.amazon.coral.service#UnknownOperationException", ""},
	}
	for _, tt := range tests {
		r, err := http.NewRequest(http.MethodPost, base, strings.NewReader(tt.body))
		must(t, err)
		r.Header.Set("X-Amz-Target", tt.target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != tt.status || !strings.Contains(string(body), `{"__type":"`+tt.kind+`","message":"`) || resp.Header.Get("X-Amzn-Query-Error") != tt.query {
			t.Errorf("%s %.30s: got %d %s %v", tt.target, tt.body, resp.StatusCode, body, resp.Header)
		}
		if resp.Header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: no request ID", tt.target)
		}
	}
}

// TestSourceKeepsToLayers holds the engine free of HTTP.
func TestSourceKeepsToLayers(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no source of the engine found")
	}
	for _, f := range files {
		source, err := os.ReadFile(f)
		must(t, err)
		if strings.Contains(string(source), `"net/http"`) {
			t.Errorf("%s imports net/http", f)
		}
	}
}
