// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html

package sqs

// The inputs and outputs of the operations on messages; see api_queue.go.

// MessageAttributeValue is an attribute of a message. DataType is String, Number
// or Binary, with an optional ".custom" suffix.
type MessageAttributeValue struct {
	DataType         string
	StringValue      *string  `json:",omitempty"`
	BinaryValue      []byte   `json:",omitempty"`
	StringListValues []string `json:",omitempty"`
	BinaryListValues [][]byte `json:",omitempty"`
}

type SendMessageInput struct {
	QueueUrl                string
	MessageBody             string
	DelaySeconds            *int32 // 0..900
	MessageAttributes       map[string]MessageAttributeValue
	MessageSystemAttributes map[string]MessageAttributeValue
	MessageDeduplicationId  *string
	MessageGroupId          *string
}

type SendMessageOutput struct {
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	MessageId                    string
	SequenceNumber               string `json:",omitempty"` // FIFO only
}

type SendMessageBatchInput struct {
	QueueUrl string
	Entries  []SendMessageBatchRequestEntry
}

type SendMessageBatchRequestEntry struct {
	Id                      string
	MessageBody             string
	DelaySeconds            *int32
	MessageAttributes       map[string]MessageAttributeValue
	MessageSystemAttributes map[string]MessageAttributeValue
	MessageDeduplicationId  *string
	MessageGroupId          *string
}

type SendMessageBatchOutput struct {
	Successful []SendMessageBatchResultEntry `json:",omitempty"`
	Failed     []BatchResultErrorEntry       `json:",omitempty"`
}

type SendMessageBatchResultEntry struct {
	Id                           string
	MessageId                    string
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	SequenceNumber               string `json:",omitempty"`
}

// BatchResultErrorEntry is the error of one entry of a batch. Its Code is that of
// the query protocol, in both protocols.
type BatchResultErrorEntry struct {
	Id          string
	SenderFault bool
	Code        string
	Message     string `json:",omitempty"`
}

type ReceiveMessageInput struct {
	QueueUrl                    string
	AttributeNames              []string // the older name of MessageSystemAttributeNames
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int32 // 1..10
	VisibilityTimeout           *int32 // 0..43200 s
	WaitTimeSeconds             *int32 // 0..20
	ReceiveRequestAttemptId     string // ≤128 characters, FIFO only
}

type ReceiveMessageOutput struct {
	Messages []Message `json:",omitempty"`
}

type Message struct {
	MessageId              string
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string                `json:",omitempty"`
	MD5OfMessageAttributes string                           `json:",omitempty"`
	MessageAttributes      map[string]MessageAttributeValue `json:",omitempty"`
}

type DeleteMessageInput struct {
	QueueUrl      string
	ReceiptHandle string
}

type DeleteMessageOutput struct{}

type DeleteMessageBatchInput struct {
	QueueUrl string
	Entries  []DeleteMessageBatchRequestEntry
}

type DeleteMessageBatchRequestEntry struct {
	Id            string
	ReceiptHandle string
}

type DeleteMessageBatchOutput struct {
	Successful []DeleteMessageBatchResultEntry `json:",omitempty"`
	Failed     []BatchResultErrorEntry         `json:",omitempty"`
}

type DeleteMessageBatchResultEntry struct{ Id string }

type ChangeMessageVisibilityInput struct {
	QueueUrl          string
	ReceiptHandle     string
	VisibilityTimeout *int32 // 0..43200 s from now
}

type ChangeMessageVisibilityOutput struct{}

type ChangeMessageVisibilityBatchInput struct {
	QueueUrl string
	Entries  []ChangeMessageVisibilityBatchRequestEntry
}

type ChangeMessageVisibilityBatchRequestEntry struct {
	Id                string
	ReceiptHandle     string
	VisibilityTimeout *int32
}

type ChangeMessageVisibilityBatchOutput struct {
	Successful []ChangeMessageVisibilityBatchResultEntry `json:",omitempty"`
	Failed     []BatchResultErrorEntry                   `json:",omitempty"`
}

type ChangeMessageVisibilityBatchResultEntry struct{ Id string }
