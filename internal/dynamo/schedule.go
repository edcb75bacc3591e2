package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// schedulesPart is the partition of all schedules.
const schedulesPart = "schedules"

// scheduleItem is errand.Schedule. It has no TTL: a schedule lives until it is deleted.
type scheduleItem struct {
	PK      string   `dynamodbav:"pk"`
	SK      string   `dynamodbav:"sk"` // OWNER#NAME
	Rev     int      `dynamodbav:"rev"`
	Cron    string   `dynamodbav:"cron"`
	Zone    string   `dynamodbav:"zone"`
	Missed  string   `dynamodbav:"missedPolicy"`
	Overlap string   `dynamodbav:"overlapPolicy"`
	Doc     string   `dynamodbav:"doc"` // errand.Spec as JSON
	Token   string   `dynamodbav:"token,omitempty"`
	Created int64    `dynamodbav:"createdAt"`
	Status  string   `dynamodbav:"status"`
	Error   string   `dynamodbav:"error,omitempty"`
	Next    int64    `dynamodbav:"next,omitempty"`
	RenewAt int64    `dynamodbav:"renewAt,omitempty"`
	Start   *runItem `dynamodbav:"starting,omitempty"`
	Last    *runItem `dynamodbav:"last,omitempty"`
	Recent  []string `dynamodbav:"recent,omitempty"`
	MissedN int      `dynamodbav:"missed,omitempty"`
	Skipped int      `dynamodbav:"skipped,omitempty"`
	// Keys of the index due.
	Due   string `dynamodbav:"due,omitempty"` // shard
	DueAt int64  `dynamodbav:"dueAt,omitempty"`
	meta
}

// runItem is an errand.ScheduledRun.
type runItem struct {
	At        int64  `dynamodbav:"at"`
	JobID     string `dynamodbav:"job"`
	CreatedAt int64  `dynamodbav:"created"`
}

func newRunItem(r *errand.ScheduledRun) *runItem {
	if r == nil {
		return nil
	}
	return &runItem{millis(r.At), r.JobID, millis(r.CreatedAt)}
}

func (i *runItem) run() *errand.ScheduledRun {
	if i == nil {
		return nil
	}
	return &errand.ScheduledRun{At: fromMillis(i.At), JobID: i.JobID, CreatedAt: fromMillis(i.CreatedAt)}
}

func scheduleSK(k errand.ScheduleKey) string { return k.Owner + "#" + k.Name }

func newScheduleItem(sc *errand.Schedule, rev int) (scheduleItem, error) {
	doc, err := json.Marshal(&sc.Job)
	if err != nil {
		return scheduleItem{}, fmt.Errorf("encode the schedule %s: %w", sc.Ref(), err)
	}
	i := scheduleItem{
		PK: schedulesPart, SK: scheduleSK(sc.ScheduleKey), Rev: rev, Cron: sc.Cron, Zone: sc.Zone,
		Missed: string(sc.Missed), Overlap: string(sc.Overlap), Doc: string(doc), Token: sc.TokenHash,
		Created: millis(sc.CreatedAt), Status: string(sc.Status), Error: sc.Error, Next: millis(sc.Next), RenewAt: millis(sc.RenewAt),
		Start: newRunItem(sc.Starting), Last: newRunItem(sc.Last), Recent: sc.Recent, MissedN: sc.MissedRuns, Skipped: sc.SkippedRuns,
		meta: meta{Mark: newMark()},
	}
	if due := sc.DueAt(); !due.IsZero() {
		i.Due, i.DueAt = shard(i.SK), millis(due)
	}
	return i, nil
}

func (i *scheduleItem) schedule() (*errand.Schedule, error) {
	owner, name, _ := strings.Cut(i.SK, "#")
	sc := &errand.Schedule{
		ScheduleKey: errand.ScheduleKey{Owner: owner, Name: name}, Cron: i.Cron, Zone: i.Zone,
		Missed: errand.MissedPolicy(i.Missed), Overlap: errand.OverlapPolicy(i.Overlap), TokenHash: i.Token,
		CreatedAt: fromMillis(i.Created), Status: errand.ScheduleStatus(i.Status), Error: i.Error, Next: fromMillis(i.Next), RenewAt: fromMillis(i.RenewAt),
		Starting: i.Start.run(), Last: i.Last.run(), Recent: i.Recent, MissedRuns: i.MissedN, SkippedRuns: i.Skipped, Rev: i.Rev,
	}
	if err := json.Unmarshal([]byte(i.Doc), &sc.Job); err != nil {
		return nil, fmt.Errorf("decode the schedule %s: %w", sc.Ref(), err)
	}
	return sc, nil
}

// Schedule implements control.ScheduleStore.
func (s *Store) Schedule(ctx context.Context, k errand.ScheduleKey) (*errand.Schedule, error) {
	var i scheduleItem
	if err := s.get(ctx, s.tables.Jobs, key(schedulesPart, scheduleSK(k)), &i); err != nil {
		return nil, err
	}
	return i.schedule()
}

// Schedules implements control.ScheduleStore. A query reads at most 1 MB.
func (s *Store) Schedules(ctx context.Context, owner, cursor string, limit int) ([]errand.Schedule, string, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.tables.Jobs, ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": str(schedulesPart)},
	}
	if owner != "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :owner)")
		in.ExpressionAttributeValues[":owner"] = str(owner + "#")
	}
	if cursor != "" {
		in.ExclusiveStartKey = key(schedulesPart, strings.Replace(cursor, "/", "#", 1))
	}
	res, err := s.db.Query(ctx, in)
	if err != nil {
		return nil, "", fmt.Errorf("query %s: %w", s.tables.Jobs, err)
	}
	var page []errand.Schedule
	for _, it := range res.Items {
		var i scheduleItem
		if err := s.decode(it, &i); err != nil {
			return nil, "", err
		}
		sc, err := i.schedule()
		if err != nil {
			return nil, "", err
		}
		page = append(page, *sc)
	}
	next := strings.Replace(textOf(res.LastEvaluatedKey, "sk"), "#", "/", 1)
	return page, next, nil
}

// PutSchedule implements control.ScheduleStore.
func (s *Store) PutSchedule(ctx context.Context, sc *errand.Schedule) error {
	rev := sc.Rev + 1
	if sc.Rev == 0 { // not that of a deleted schedule with the name, which somebody may have read
		rev = int(s.clock.Now().UnixMilli())
	}
	i, err := newScheduleItem(sc, rev)
	if err != nil {
		return err
	}
	if _, err := s.put(ctx, s.tables.Jobs, i, i.Mark, sc.Rev); err != nil {
		return err
	}
	sc.Rev = rev
	return nil
}

// DeleteSchedule implements control.ScheduleStore.
func (s *Store) DeleteSchedule(ctx context.Context, k errand.ScheduleKey) error {
	in := &dynamodb.DeleteItemInput{TableName: &s.tables.Jobs, Key: key(schedulesPart, scheduleSK(k))}
	_, err := s.db.DeleteItem(ctx, in)
	return wrap(err, "delete from "+s.tables.Jobs)
}

func scheduleJobsPart(k errand.ScheduleKey) string { return "schedule#" + scheduleSK(k) }

// AddScheduleJob implements control.ScheduleStore.
func (s *Store) AddScheduleJob(ctx context.Context, k errand.ScheduleKey, jobID string) error {
	return s.overwrite(ctx, s.tables.Jobs, dependentItem{
		PK: scheduleJobsPart(k), SK: jobID, meta: meta{TTL: s.clock.Now().Add(openLifetime).Unix()},
	})
}

// scheduleJobs are the n newest jobs of a schedule that are older than before.
func (s *Store) scheduleJobs(ctx context.Context, k errand.ScheduleKey, before string, n int) ([]string, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.tables.Jobs, ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(n)),
		KeyConditionExpression:    aws.String("pk = :pk"),
		ExpressionAttributeValues: item{":pk": str(scheduleJobsPart(k))},
	}
	if before != "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND sk < :before")
		in.ExpressionAttributeValues[":before"] = str(before)
	}
	res, err := s.db.Query(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", s.tables.Jobs, err)
	}
	return textsOf(res.Items, "sk"), nil
}

// dueRecord is what an item of the index due names.
func dueRecord(it item) control.DueRecord {
	pk, sk := textOf(it, "pk"), textOf(it, "sk")
	if pk != schedulesPart {
		return control.DueRecord{JobID: pk}
	}
	owner, name, _ := strings.Cut(sk, "#")
	return control.DueRecord{Schedule: errand.ScheduleKey{Owner: owner, Name: name}}
}

func textOf(it item, attribute string) string {
	if v, ok := it[attribute].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func textsOf(items []item, attribute string) []string {
	texts := make([]string, 0, len(items))
	for _, it := range items {
		texts = append(texts, textOf(it, attribute))
	}
	return texts
}
