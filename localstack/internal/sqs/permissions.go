// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_RemovePermission.html

package sqs

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// A policy is stored and returned, but not enforced: the stack has one account.
type policy struct {
	Version   string
	ID        string `json:"Id"`
	Statement []json.RawMessage
}

type statement struct {
	Sid       string
	Effect    string
	Principal map[string]any
	Action    any
	Resource  string
}

// permissionActions are the actions that AddPermission accepts.
var permissionActions = []string{
	"*", "AddPermission", "CancelMessageMoveTask", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "CreateQueue",
	"DeleteMessage", "DeleteMessageBatch", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues",
	"ListMessageMoveTasks", "ListQueueTags", "ListQueues", "PurgeQueue", "ReceiveMessage", "RemovePermission", "SendMessage",
	"SendMessageBatch", "SetQueueAttributes", "StartMessageMoveTask", "TagQueue", "UntagQueue",
}

// AddPermission adds a statement to the queue's Policy attribute.
// Error: InvalidParameterValue, for an unknown action or a label that exists.
func (e *Engine) AddPermission(ctx context.Context, in *AddPermissionInput) (*AddPermissionOutput, error) {
	return &AddPermissionOutput{}, e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		s, err := q.statementOf(in)
		if err != nil {
			return err
		}
		p := q.policy()
		if p.find(in.Label) >= 0 {
			return errValue(in.Label, "Label", "Already exists.")
		}
		raw, _ := json.Marshal(s) // never fails
		p.Statement = append(p.Statement, raw)
		return q.setPolicy(t, p)
	})
}

// RemovePermission removes a statement and, with the last one, the policy.
func (e *Engine) RemovePermission(ctx context.Context, in *RemovePermissionInput) (*RemovePermissionOutput, error) {
	return &RemovePermissionOutput{}, e.transact(ctx, in.QueueUrl, func(q *queue, t *txn) error {
		p := q.policy()
		i := p.find(in.Label)
		if i < 0 {
			return errValue(in.Label, "Label", "can't find label.")
		}
		p.Statement = slices.Delete(p.Statement, i, i+1)
		return q.setPolicy(t, p)
	})
}

func (q *queue) statementOf(in *AddPermissionInput) (s statement, err error) {
	switch {
	case in.Label == "":
		return s, errMissing("Label")
	case len(in.AWSAccountIds) == 0:
		return s, errMissing("AWSAccountIds")
	case len(in.Actions) == 0:
		return s, errMissing("Actions")
	case !isName(in.Label):
		return s, errValue(in.Label, "Label", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.")
	}
	var principals, actions []string
	for _, account := range in.AWSAccountIds {
		principals = append(principals, "arn:aws:iam::"+account+":root")
	}
	for _, action := range in.Actions {
		if !slices.Contains(permissionActions, action) {
			return s, errValue("SQS:"+action, "ActionName", "Please refer to the appropriate WSDL for a list of valid actions. ")
		}
		actions = append(actions, "SQS:"+action)
	}
	return statement{
		Sid: in.Label, Effect: "Allow", Resource: q.arn(),
		Principal: map[string]any{"AWS": oneOrMany(principals)}, Action: oneOrMany(actions),
	}, nil
}

// oneOrMany returns a list as policies write it: a single element without the list.
func oneOrMany(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

func (q *queue) policy() (p policy) {
	if document := q.rec.Attributes["Policy"]; document != "" && json.Unmarshal([]byte(document), &p) == nil {
		return p
	}
	return policy{Version: "2008-10-17", ID: "arn:aws:sqs:" + q.rec.Region + ":" + awswire.Account + ":" + q.rec.Name + "/SQSDefaultPolicy"}
}

func (p policy) find(label string) int {
	return slices.IndexFunc(p.Statement, func(raw json.RawMessage) bool {
		var s struct{ Sid string }
		return json.Unmarshal(raw, &s) == nil && s.Sid == label
	})
}

func (q *queue) setPolicy(t *txn, p policy) error {
	document := []byte{}
	if len(p.Statement) > 0 {
		document, _ = json.Marshal(p)
	}
	return q.setAttributes(t, map[string]string{"Policy": string(document)})
}
