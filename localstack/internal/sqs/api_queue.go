// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html

package sqs

// The inputs and outputs of the operations on queues. sqswire maps them to both
// protocols by the names of their members, which are AWS's. A member is a pointer
// if its absence means something else than zero.

type CreateQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type CreateQueueOutput struct{ QueueUrl string }

type DeleteQueueInput struct{ QueueUrl string }

type DeleteQueueOutput struct{}

type GetQueueUrlInput struct {
	QueueName              string
	QueueOwnerAWSAccountId string
}

type GetQueueUrlOutput struct{ QueueUrl string }

type ListQueuesInput struct {
	QueueNamePrefix string
	MaxResults      *int32 // 1..1000
	NextToken       string
}

type ListQueuesOutput struct {
	QueueUrls []string `json:",omitempty"`
	NextToken string   `json:",omitempty"`
}

type GetQueueAttributesInput struct {
	QueueUrl       string
	AttributeNames []string
}

type GetQueueAttributesOutput struct {
	Attributes map[string]string `json:",omitempty"`
}

type SetQueueAttributesInput struct {
	QueueUrl   string
	Attributes map[string]string
}

type SetQueueAttributesOutput struct{}

type PurgeQueueInput struct{ QueueUrl string }

type PurgeQueueOutput struct{}

type TagQueueInput struct {
	QueueUrl string
	Tags     map[string]string
}

type TagQueueOutput struct{}

type UntagQueueInput struct {
	QueueUrl string
	TagKeys  []string
}

type UntagQueueOutput struct{}

type ListQueueTagsInput struct{ QueueUrl string }

type ListQueueTagsOutput struct {
	Tags map[string]string `json:",omitempty"`
}

type AddPermissionInput struct {
	QueueUrl      string
	Label         string
	AWSAccountIds []string
	Actions       []string
}

type AddPermissionOutput struct{}

type RemovePermissionInput struct {
	QueueUrl string
	Label    string
}

type RemovePermissionOutput struct{}

type ListDeadLetterSourceQueuesInput struct {
	QueueUrl   string
	MaxResults *int32 // 1..1000
	NextToken  string
}

type ListDeadLetterSourceQueuesOutput struct {
	QueueUrls []string `json:"queueUrls"`
	NextToken string   `json:",omitempty"`
}
