package sqswire

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"reflect"
	"testing"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

// inputs are one of each shape that the decoders fill.
func inputs() []any {
	return []any{new(sqs.CreateQueueInput), new(sqs.SendMessageInput), new(sqs.SendMessageBatchInput), new(sqs.ReceiveMessageInput),
		new(sqs.TagQueueInput), new(sqs.ChangeMessageVisibilityBatchInput), new(sqs.AddPermissionInput), new(sqs.StartMessageMoveTaskInput)}
}

// FuzzForm checks that any form is decoded or refused as the caller's fault,
// and always in the same way, whatever order a map is walked in; and that what
// was decoded can be said again, to the same effect.
func FuzzForm(f *testing.F) {
	f.Add("SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=a&SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=b")
	f.Add("Attribute.1.Name=a&Attribute.1.Value=b&Attribute.01.Name=c&Attribute.-1.Name=d&Attribute.99999999999999999999.Name=d")
	f.Add("DelaySeconds=9999999999&MessageAttribute.1.Value.BinaryValue=%%%&Tag.1.Key=&Tag.1.Value")
	f.Add("AttributeName=All&Attribute.Name=a&Attribute.Value=b&Tag.Key=k&SendMessageBatchRequestEntry.3=&MessageAttribute.1.Value.BinaryListValue.2=")
	f.Add("AWSAccountId.1=1&ActionName.2=b&ActionName.1=a&.=x&a....................b=c")
	f.Fuzz(func(t *testing.T, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for _, in := range inputs() {
			again := reflect.New(reflect.TypeOf(in).Elem()).Interface()
			err, errAgain := decodeForm(form, in), decodeForm(form, again)
			if (err == nil) != (errAgain == nil) || err == nil && !reflect.DeepEqual(in, again) {
				t.Errorf("decoded as %+v (%v), then as %+v (%v)", in, err, again, errAgain)
			}
			mustBeCallers(t, err)
			if err == nil {
				sayAgain(t, in)
			}
		}
	})
}

// sayAgain encodes what was decoded from a form, and decodes that.
func sayAgain(t *testing.T, in any) {
	t.Helper()
	form := EncodeForm(reflect.ValueOf(in).Elem().Interface())
	again := reflect.New(reflect.TypeOf(in).Elem()).Interface()
	if err := decodeForm(form, again); err != nil {
		t.Fatalf("%v: %v", form, err)
	}
	// As JSON, where what is empty is what isn't there.
	said, _ := json.Marshal(in)
	saidAgain, _ := json.Marshal(again)
	if !bytes.Equal(said, saidAgain) {
		t.Errorf("%s became %s by %v", said, saidAgain, form)
	}
}

// FuzzJSON checks the same of bodies, and that what was decoded can be said
// again, to the same effect.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"QueueUrl":"x","Entries":[{"Id":"a","MessageAttributes":{"n":{"DataType":"Binary","BinaryValue":"AQI="}}}]}`))
	f.Add([]byte(`{"DelaySeconds":1e3,"MessageBody":"\ud800"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, in := range inputs() {
			err := decodeJSON(body, in)
			mustBeCallers(t, err)
			if err != nil {
				continue
			}
			said, err := json.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			again := reflect.New(reflect.TypeOf(in).Elem()).Interface()
			if err := decodeJSON(said, again); err != nil {
				t.Fatalf("%s: %v", said, err)
			}
			if saidAgain, _ := json.Marshal(again); !bytes.Equal(said, saidAgain) {
				t.Errorf("%s became %s", said, saidAgain)
			}
		}
	})
}

// FuzzXML checks that whatever a message says, its XML can be parsed.
func FuzzXML(f *testing.F) {
	f.Add("a\r\n<]]>&\"", "n", "\x00\xff")
	f.Fuzz(func(t *testing.T, body, name, value string) {
		var b bytes.Buffer
		encodeXML(&b, "R", sqs.ReceiveMessageOutput{Messages: []sqs.Message{{
			Body: body, Attributes: map[string]string{name: value}, MessageAttributes: map[string]sqs.MessageAttributeValue{name: {StringValue: &value}},
		}}})
		d := xml.NewDecoder(&b)
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("%q: %v", b.String(), err)
			}
		}
	})
}

func mustBeCallers(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var e *awswire.Error
	if !errors.As(err, &e) || e.Status != 400 {
		t.Errorf("a decoder failed with %v", err)
	}
}
