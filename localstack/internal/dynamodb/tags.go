// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TagResource.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UntagResource.html
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTagsOfResource.html

package dynamodb

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// maxTags is the maximum number of tags of a table.
const maxTags = 50

// TagResourceInput adds tags to a table, or replaces those of the same keys.
type TagResourceInput struct {
	ResourceArn *string
	Tags        []Tag
}

// UntagResourceInput removes tags by key.
type UntagResourceInput struct {
	ResourceArn *string
	TagKeys     []string
}

// ListTagsOfResourceInput asks for a table's tags. All are in the first page, so
// NextToken is never set.
type ListTagsOfResourceInput struct {
	ResourceArn *string
	NextToken   *string
}

// ListTagsOfResourceOutput has the tags, ordered by key.
type ListTagsOfResourceOutput struct{ Tags []Tag }

// NoOutput is a response without a body.
type NoOutput struct{}

func (e *Engine) TagResource(ctx context.Context, in *TagResourceInput) (*NoOutput, error) {
	r, err := resourceOf(ctx, "TagResource", in.ResourceArn, func() error {
		if in.Tags == nil {
			return invalid("1 validation error detected: Value null at 'tags' failed to satisfy constraint: Member must not be null")
		}
		return validateTags(in.Tags)
	})
	if err != nil {
		return nil, err
	}
	if len(in.Tags) == 0 {
		return nil, invalid("Atleast one Tag needs to be provided as Input.")
	}
	return e.changeTags(r, r.notFound(), func(tags map[string]string) error {
		for _, t := range in.Tags {
			tags[*t.Key] = *t.Value
		}
		return checkTagCount(len(tags))
	})
}

// Limits of a tag's parts, in characters.
const (
	maxTagKey   = 128
	maxTagValue = 256
)

// validateTags checks tags by the rules that all operations with tags share.
func validateTags(tags []Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if err := checkTagKey(t.Key); err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(strings.ToLower(*t.Key), "aws:"):
			return invalid("Tag Key cannot be prefixed with aws:, Key: %s", *t.Key)
		case !isTagText(t.Value, maxTagValue):
			return invalid("The Tag Value provided is invalid, Value: %s", textOrNull(t.Value))
		case seen[*t.Key]:
			return invalid("Duplicate Tag Keys provided as input: Duplicate Tag Key found %s", *t.Key)
		}
		seen[*t.Key] = true
	}
	return checkTagCount(len(seen))
}

func checkTagKey(key *string) error {
	if !isTagText(key, maxTagKey) || *key == "" {
		return invalid("The Tag Key provided is invalid, Key: %s", textOrNull(key))
	}
	return nil
}

func checkTagCount(n int) error {
	if n > maxTags {
		return invalid("Number of Tags exceed the current limit for the provided ResourceArn")
	}
	return nil
}

func textOrNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// isTagText reports whether s has up to limit letters, digits and spaces of any
// script, and the signs that tags may have.
func isTagText(s *string, limit int) bool {
	return s != nil && utf8.RuneCountInString(*s) <= limit && !strings.ContainsFunc(*s, func(r rune) bool {
		return !unicode.IsOneOf([]*unicode.RangeTable{unicode.L, unicode.N, unicode.Z}, r) && !strings.ContainsRune("_.:/=+-@", r)
	})
}

// checkTagKeys checks the keys of tags to remove.
func checkTagKeys(keys []string) error {
	if len(keys) == 0 {
		return invalid("Atleast one Tag Key needs to be provided as Input.")
	}
	for _, k := range keys {
		if err := checkTagKey(&k); err != nil {
			return err
		}
	}
	return checkTagCount(len(keys))
}

// UntagResource removes tags from a table. A missing tag is no error.
func (e *Engine) UntagResource(ctx context.Context, in *UntagResourceInput) (*NoOutput, error) {
	r, err := resourceOf(ctx, "UntagResource", in.ResourceArn, func() error {
		if in.TagKeys == nil {
			return invalid("1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := checkTagKeys(in.TagKeys); err != nil {
		return nil, err
	}
	return e.changeTags(r, noSuchTable(), func(tags map[string]string) error {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
		return nil
	})
}

func (e *Engine) ListTagsOfResource(ctx context.Context, in *ListTagsOfResourceInput) (*ListTagsOfResourceOutput, error) {
	r, err := resourceOf(ctx, "ListTagsOfResource", in.ResourceArn, func() error { return nil })
	if err != nil {
		return nil, err
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	t, ok := e.tables[r.id]
	if !ok {
		return nil, r.notFound()
	}
	out := &ListTagsOfResourceOutput{Tags: []Tag{}}
	for _, k := range slices.Sorted(maps.Keys(t.def.Tags)) {
		out.Tags = append(out.Tags, Tag{Key: &k, Value: new(t.def.Tags[k])})
	}
	return out, nil
}

// A resource is the table that an ARN names.
type resource struct {
	arn string
	id  tableID
}

func (r resource) notFound() error {
	return badRequest("ResourceNotFoundException", "Requested resource not found: ResourcArn: %s not found", r.arn) // AWS's spelling
}

var (
	anyARN   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^.+:.+:.+:.+:.+:.+/.+$`) })
	tableRef = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^arn:aws:dynamodb:([^:]+):\d+:table/([^/]{3,})$`) })
)

// resourceOf parses the ARN of a table. It calls between for the checks that AWS
// makes after it has checked the caller's access to the resource.
func resourceOf(ctx context.Context, operation string, arn *string, between func() error) (r resource, err error) {
	if arn == nil {
		return r, invalid("Invalid TableArn")
	}
	if !anyARN().MatchString(*arn) {
		shown := *arn
		if shown == "" {
			shown = "*"
		}
		return r, badRequest("AccessDeniedException", "User: arn:aws:iam::%s:%s is not authorized to perform: dynamodb:%s on resource: %s",
			awswire.Account, "user/"+awswire.IdentityFrom(ctx).AccessKeyID, operation, shown)
	}
	if err := between(); err != nil {
		return r, err
	}
	m := tableRef().FindStringSubmatch(*arn)
	if m == nil {
		return r, invalid("Invalid TableArn: Invalid ResourceArn provided as input %s", *arn)
	}
	return resource{*arn, tableID{m[1], m[2]}}, nil
}

// changeTags changes the tags of a table.
func (e *Engine) changeTags(r resource, missing error, change func(tags map[string]string) error) (*NoOutput, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.tables[r.id]
	if !ok {
		return nil, missing
	}
	def := t.def.clone()
	if def.Tags == nil {
		def.Tags = map[string]string{}
	}
	if err := change(def.Tags); err != nil {
		return nil, err
	}
	if _, err := e.redefine(def, t.writes, nil); err != nil {
		return nil, err
	}
	return &NoOutput{}, nil
}
