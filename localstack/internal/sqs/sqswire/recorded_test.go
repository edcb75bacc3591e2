package sqswire_test

import (
	"encoding/base64"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/sqs"
)

func ptr[T any](v T) *T { return &v }

// A recorded error is one that AWS gave.
type recorded struct {
	code, shape string
	status      int
	message     string
}

// readRecorded reads the file by scenario; the protocol it was recorded in is
// no part of that.
func readRecorded(t *testing.T) map[string][]recorded {
	t.Helper()
	b, err := os.ReadFile("testdata/recorded-errors.tsv")
	must(t, err)
	list := map[string][]recorded{}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(f) != 5 {
			t.Fatalf("not 5 columns: %q", line)
		}
		status, err := strconv.Atoi(f[2])
		must(t, err)
		scenario := strings.NewReplacer("[sqs]", "", "[sqs_query]", "", "-query", "").Replace(f[4])
		list[scenario] = append(list[scenario], recorded{f[0], f[1], status, f[3]})
	}
	return list
}

// TestRecordedErrors gives every error that was recorded from AWS, in both
// protocols.
func TestRecordedErrors(t *testing.T) {
	t.Parallel()
	list := readRecorded(t)
	for name := range list {
		if scenarios[name] == nil {
			t.Errorf("no scenario for %s", name)
		}
	}
	for name, scenario := range scenarios {
		rows := list[name]
		if rows == nil {
			t.Errorf("nothing is recorded for %s", name)
		}
		for _, protocol := range protocols {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				base, clk := serve(t)
				s := &scene{caller: caller{t, base, protocol}, clock: clk}
				got := scenario(s)
				for _, want := range rows {
					s.check(got, want)
				}
			})
		}
	}
}

// check compares; what another protocol has otherwise is only looked at in the
// one that it was recorded in.
func (s *scene) check(got answer, want recorded) {
	s.Helper()
	if want.code == "AWS.SimpleQueueService.NonExistentQueue" && (want.shape != "") != (s.protocol == "json") {
		return // recorded in the other protocol, which has another text
	}
	message := strings.NewReplacer("<queue-name>", "q", "<receipt-handle:1>", s.handle).Replace(want.message)
	if got.code != want.code || got.status != want.status || got.message != message {
		s.Errorf("got %d %s: %.300s\nwant %d %s: %.300s", got.status, got.code, got.message, want.status, want.code, message)
	}
	if s.protocol == "json" && want.shape != "" && got.shape != want.shape {
		s.Errorf("__type %s, want %s", got.shape, want.shape)
	}
}

// A scene is where a recorded error is provoked again.
type scene struct {
	caller
	clock  *clock.Manual
	handle string // the receipt handle that the message is about
}

// standard and fifo make the queue q, or q.fifo, and return its URL.
func (s *scene) standard(attributes ...string) string { return s.create("q", attributes...) }
func (s *scene) fifo(attributes ...string) string {
	return s.create("q.fifo", append(attributes, "FifoQueue=true")...)
}

func (s *scene) create(name string, attributes ...string) string {
	s.ok(createInput(name, attributes...))
	return s.queue(name)
}

func createInput(name string, attributes ...string) sqs.CreateQueueInput {
	in := sqs.CreateQueueInput{QueueName: name, Attributes: map[string]string{}}
	for _, a := range attributes {
		k, v, _ := strings.Cut(a, "=")
		in.Attributes[k] = v
	}
	return in
}

// deadLetters makes the queue dlq, and q, whose dead letters it gets.
func (s *scene) deadLetters() (arn string) {
	s.create("dlq")
	arn = arnOf("dlq")
	s.standard(`RedrivePolicy={"deadLetterTargetArn":"` + arn + `","maxReceiveCount":1}`)
	return arn
}

func arnOf(name string) string { return "arn:aws:sqs:us-east-1:000000000000:" + name }

func (s *scene) batch(queue string, entries ...sqs.SendMessageBatchRequestEntry) answer {
	return s.call(sqs.SendMessageBatchInput{QueueUrl: queue, Entries: entries})
}

var one = map[string]sqs.MessageAttributeValue{"k": {DataType: "String", StringValue: ptr("x")}}

// taskHandle is a handle in AWS's form, of a task that isn't there.
func taskHandle(arn string) string {
	return base64.StdEncoding.EncodeToString([]byte(`{"taskId":"10f57157-fc38-4da9-a113-4de7e12d05dd","sourceArn":"` + arn + `"}`))
}

// groupID and dedupID send with an ID that isn't allowed.
func groupID(id string) func(*scene) answer {
	return func(s *scene) answer {
		return s.call(sqs.SendMessageInput{QueueUrl: s.standard(), MessageBody: "x", MessageGroupId: &id})
	}
}

func dedupID(id string) func(*scene) answer {
	return func(s *scene) answer {
		return s.call(sqs.SendMessageInput{QueueUrl: s.fifo(), MessageBody: "x", MessageGroupId: ptr("g"), MessageDeduplicationId: &id})
	}
}

func receiveWait(seconds int32) func(*scene) answer {
	return func(s *scene) answer {
		return s.call(sqs.ReceiveMessageInput{QueueUrl: s.standard(), WaitTimeSeconds: &seconds})
	}
}

func creating(attributes ...string) func(*scene) answer {
	return func(s *scene) answer { return s.call(createInput("q", attributes...)) }
}

var scenarios = map[string]func(s *scene) answer{
	"test_send_receive_max_number_of_messages/send_max_number_of_messages": func(s *scene) answer {
		return s.call(sqs.ReceiveMessageInput{QueueUrl: s.standard(), MaxNumberOfMessages: ptr[int32](11)})
	},
	"test_send_oversized_message/send_oversized_message": func(s *scene) answer {
		return s.call(sqs.SendMessageInput{QueueUrl: s.standard(), MessageBody: strings.Repeat("a", 1_048_576-7), MessageAttributes: one, DelaySeconds: ptr[int32](1)})
	},
	"test_send_message_with_updated_maximum_message_size/send_oversized_message": func(s *scene) answer {
		q := s.standard()
		s.ok(sqs.SetQueueAttributesInput{QueueUrl: q, Attributes: map[string]string{"MaximumMessageSize": "1024"}})
		s.ok(sqs.SendMessageInput{QueueUrl: q, MessageBody: strings.Repeat("a", 1024)})
		return s.call(sqs.SendMessageInput{QueueUrl: q, MessageBody: strings.Repeat("a", 1024-7), MessageAttributes: one})
	},
	"test_send_message_batch_with_oversized_contents/send_oversized_message_batch": func(s *scene) answer {
		return s.batch(s.standard(),
			sqs.SendMessageBatchRequestEntry{Id: "1", MessageBody: strings.Repeat("a", 1_048_576-8), MessageAttributes: one},
			sqs.SendMessageBatchRequestEntry{Id: "2", MessageBody: "a"})
	},
	"test_create_fifo_queue_with_different_attributes_raises_error/queue-already-exists": func(s *scene) answer {
		s.fifo("ContentBasedDeduplication=true")
		return s.call(createInput("q.fifo", "FifoQueue=true", "ContentBasedDeduplication=false"))
	},
	"test_create_queue_with_different_attributes_raises_exception/create_queue_01": func(s *scene) answer {
		s.standard("ReceiveMessageWaitTimeSeconds=1", "DelaySeconds=1")
		s.standard()
		s.standard("DelaySeconds=1")
		return s.call(createInput("q", "ReceiveMessageWaitTimeSeconds=1", "DelaySeconds=2"))
	},
	"test_fifo_queue_send_message_with_delay_seconds_fails/send_message": func(s *scene) answer {
		return s.call(sqs.SendMessageInput{
			QueueUrl: s.fifo(), MessageBody: "x", MessageGroupId: ptr("g"), MessageDeduplicationId: ptr("d"), DelaySeconds: ptr[int32](2),
		})
	},
	"test_too_many_entries_in_batch_request/test_too_many_entries_in_batch_request": func(s *scene) answer {
		entries := make([]sqs.SendMessageBatchRequestEntry, 20)
		for i := range entries {
			entries[i] = sqs.SendMessageBatchRequestEntry{Id: strconv.Itoa(i), MessageBody: "x"}
		}
		return s.batch(s.standard(), entries...)
	},
	"test_invalid_batch_id/test_invalid_batch_id": func(s *scene) answer {
		return s.batch(s.standard(), sqs.SendMessageBatchRequestEntry{Id: "message:invalid", MessageBody: "x"})
	},
	"test_send_batch_missing_deduplication_id_for_fifo_queue/test_missing_deduplication_id_for_fifo_queue": func(s *scene) answer {
		return s.batch(s.fifo(),
			sqs.SendMessageBatchRequestEntry{Id: "1", MessageBody: "x", MessageGroupId: ptr("g"), MessageDeduplicationId: ptr("d")},
			sqs.SendMessageBatchRequestEntry{Id: "2", MessageBody: "x", MessageGroupId: ptr("g")})
	},
	"test_send_batch_missing_message_group_id_for_fifo_queue/test_missing_message_group_id_for_fifo_queue": func(s *scene) answer {
		return s.batch(s.fifo(),
			sqs.SendMessageBatchRequestEntry{Id: "1", MessageBody: "x", MessageGroupId: ptr("g"), MessageDeduplicationId: ptr("d")},
			sqs.SendMessageBatchRequestEntry{Id: "2", MessageBody: "x", MessageDeduplicationId: ptr("e")})
	},
	"test_send_message_with_empty_string_attribute/empty-string-attr": func(s *scene) answer {
		return s.call(sqs.SendMessageInput{QueueUrl: s.standard(), MessageBody: "x", MessageAttributes: map[string]sqs.MessageAttributeValue{
			"ErrorDetails": {DataType: "String", StringValue: ptr("")},
		}})
	},
	"test_set_unsupported_attribute_fifo/invalid-attr-name-1": func(s *scene) answer {
		return s.call(sqs.SetQueueAttributesInput{QueueUrl: s.standard(), Attributes: map[string]string{"FifoQueue": "true"}})
	},
	"test_set_unsupported_attribute_fifo/invalid-attr-name-2": func(s *scene) answer {
		q := s.fifo()
		s.ok(sqs.SetQueueAttributesInput{QueueUrl: q, Attributes: map[string]string{"FifoQueue": "true"}})
		return s.call(sqs.SetQueueAttributesInput{QueueUrl: q, Attributes: map[string]string{"FifoQueue": "false"}})
	},
	"test_posting_to_fifo_requires_deduplicationid_group_id/missing-parameter": func(s *scene) answer {
		return s.call(sqs.SendMessageInput{QueueUrl: s.fifo(), MessageBody: "x", MessageDeduplicationId: ptr("d")})
	},
	"test_successive_purge_calls_fail/purge_queue_error": func(s *scene) answer {
		in := sqs.PurgeQueueInput{QueueUrl: s.standard()}
		s.ok(in)
		return s.call(in)
	},
	"test_sqs_permission_lifecycle/get-queue-policy-attribute-second-account-same-label": func(s *scene) answer {
		in := sqs.AddPermissionInput{QueueUrl: s.standard(), Label: "crossaccountpermission", AWSAccountIds: []string{"000000000000"}, Actions: []string{"ReceiveMessage"}}
		s.ok(in)
		in.AWSAccountIds[0] = "111111111111"
		return s.call(in)
	},
	"test_sqs_permission_lifecycle/get-queue-policy-attribute-delete-non-existent-label": func(s *scene) answer {
		return s.call(sqs.RemovePermissionInput{QueueUrl: s.standard(), Label: "crossaccountpermission2"})
	},
	"test_non_existent_queue/queue-does-not-exist": func(s *scene) answer {
		return s.call(sqs.GetQueueAttributesInput{QueueUrl: s.queue("none")})
	},
	"test_create_standard_queue_with_fifo_attribute_raises_error/invalid-attribute-content-based-deduplication": creating("ContentBasedDeduplication=false"),
	"test_create_standard_queue_with_fifo_attribute_raises_error/invalid-attribute-deduplication-scope":         creating("DeduplicationScope=queue"),
	"test_create_standard_queue_with_fifo_attribute_raises_error/invalid-attribute-throughput-limit":            creating("FifoThroughputLimit=perQueue"),
	"test_send_receive_wait_time_seconds/receive_message_error_too_large":                                       receiveWait(21),
	"test_send_receive_wait_time_seconds/receive_message_error_too_small":                                       receiveWait(-1),
	"test_send_empty_message/send_empty_message": func(s *scene) answer {
		return s.call(sqs.SendMessageInput{QueueUrl: s.standard()})
	},
	"test_fifo_delete_after_visibility_timeout/delete_after_timeout_fifo": func(s *scene) answer {
		q := s.fifo("VisibilityTimeout=1")
		s.ok(sqs.SendMessageInput{QueueUrl: q, MessageBody: "x", MessageGroupId: ptr("g"), MessageDeduplicationId: ptr("d")})
		s.handle = s.ok(sqs.ReceiveMessageInput{QueueUrl: q}).member("ReceiptHandle")
		s.clock.Advance(time.Second)
		return s.call(sqs.DeleteMessageInput{QueueUrl: q, ReceiptHandle: s.handle})
	},
	"test_send_message_to_standard_queue_with_invalid_message_group_id[empty]/error-response":    groupID(""),
	"test_send_message_to_standard_queue_with_invalid_message_group_id[too_long]/error-response": groupID(strings.Repeat("a", 129)),
	"test_send_message_to_standard_queue_with_invalid_message_group_id[spaces]/error-response":   groupID("group 123"),
	"test_message_deduplication_id_invalid[empty]/error-response":                                dedupID(""),
	"test_message_deduplication_id_invalid[too_long]/error-response":                             dedupID(strings.Repeat("a", 129)),
	"test_message_deduplication_id_invalid[spaces]/error-response":                               dedupID("group 123"),
	"test_source_needs_redrive_policy/error": func(s *scene) answer {
		s.standard()
		return s.call(sqs.StartMessageMoveTaskInput{SourceArn: arnOf("q")})
	},
	"test_cancel_with_invalid_task_handle/error": func(s *scene) answer {
		return s.call(sqs.CancelMessageMoveTaskInput{TaskHandle: "foobared"})
	},
	"test_cancel_with_invalid_source_arn_in_task_handle/error": func(s *scene) answer {
		return s.call(sqs.CancelMessageMoveTaskInput{TaskHandle: taskHandle(arnOf("none"))})
	},
	"test_cancel_with_invalid_task_id_in_task_handle/error": func(s *scene) answer {
		s.standard()
		return s.call(sqs.CancelMessageMoveTaskInput{TaskHandle: taskHandle(arnOf("q"))})
	},
	"test_destination_needs_to_exist/error": func(s *scene) answer {
		return s.call(sqs.StartMessageMoveTaskInput{SourceArn: s.deadLetters(), DestinationArn: arnOf("none")})
	},
	"test_start_multiple_move_tasks/error": func(s *scene) answer {
		in := sqs.StartMessageMoveTaskInput{SourceArn: s.deadLetters(), MaxNumberOfMessagesPerSecond: ptr[int32](1)}
		for range 2 { // so that the first task goes on
			s.ok(sqs.SendMessageInput{QueueUrl: s.queue("q"), MessageBody: "x"})
		}
		receive := sqs.ReceiveMessageInput{QueueUrl: s.queue("q"), MaxNumberOfMessages: ptr[int32](10), VisibilityTimeout: ptr[int32](0)}
		s.ok(receive)
		s.ok(receive)
		s.ok(in)
		return s.call(in)
	},
}
