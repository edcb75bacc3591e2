package dynamodb

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func tag(k, v string) Tag { return Tag{&k, &v} }

func TestTags(t *testing.T) {
	fs := vfs.NewCrashableMem()
	e := openEngine(t, fs, newClock())
	makeTable(t, e, "tab")
	arn := tableARN("us-east-1", "tab")
	list := func() string {
		out, err := e.ListTagsOfResource(t.Context(), &ListTagsOfResourceInput{ResourceArn: &arn})
		if err != nil {
			t.Fatal(err)
		}
		var tags []string
		for _, tag := range out.Tags {
			tags = append(tags, *tag.Key+"="+*tag.Value)
		}
		return strings.Join(tags, " ")
	}
	if _, err := e.TagResource(t.Context(), &TagResourceInput{&arn, []Tag{tag("b", "1"), tag("a", "2"), tag("c", "")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.TagResource(t.Context(), &TagResourceInput{&arn, []Tag{tag("b", "3")}}); err != nil {
		t.Fatal(err)
	}
	if got := list(); got != "a=2 b=3 c=" {
		t.Errorf("tags: %s", got)
	}
	if _, err := e.UntagResource(t.Context(), &UntagResourceInput{&arn, []string{"a", "gone"}}); err != nil {
		t.Fatal(err)
	}
	e = openEngine(t, fs.CrashClone(vfs.CrashCloneCfg{}), newClock())
	if got := list(); got != "b=3 c=" {
		t.Errorf("tags after a restart: %s", got)
	}
	var many []Tag
	for i := range maxTags {
		many = append(many, tag(fmt.Sprint(i), ""))
	}
	for want, tags := range map[string][]Tag{
		"Too many tags":                         many,
		"Duplicate tag key: a":                  {tag("a", "1"), tag("a", "2")},
		"AWS's own":                             {tag("aws:x", "1")},
		"tags.1.member.key":                     {tag("", "1")},
		"have length less than or equal to 256": {tag("k", strings.Repeat("v", 257))},
		"Atleast one Tag":                       {},
	} {
		if _, err := e.TagResource(t.Context(), &TagResourceInput{&arn, tags}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d tags: %v, want %s", len(tags), err, want)
		}
	}
}

func TestTagResourceNames(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	for arn, want := range map[string]string{
		"":                           "AccessDeniedException: User: arn:aws:iam::000000000000:user/ is not authorized to perform: dynamodb:ListTagsOfResource on resource: *",
		"abc":                        "not authorized to perform: dynamodb:ListTagsOfResource on resource: abc",
		"a:b:c:d:e:f/g":              "Invalid TableArn: Invalid ResourceArn provided as input a:b:c:d:e:f/g",
		tableARN("us-east-1", "ab"):  "Invalid TableArn",
		tableARN("us-east-1", "abc"): "ResourceNotFoundException: Requested resource not found: ResourcArn: " + tableARN("us-east-1", "abc") + " not found",
	} {
		if _, err := e.ListTagsOfResource(t.Context(), &ListTagsOfResourceInput{ResourceArn: &arn}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", arn, err, want)
		}
	}
	_, err := e.CreateTable(t.Context(), &CreateTableInput{TableName: ptr("tagged"), BillingMode: "PAY_PER_REQUEST", KeySchema: schema("pk", "sk"),
		AttributeDefinitions: []AttributeDefinition{def("pk", "S"), def("sk", "N")}, Tags: []Tag{tag("a", "1")}})
	if err != nil {
		t.Fatal(err)
	}
	arn := tableARN("us-east-1", "tagged")
	out, err := e.ListTagsOfResource(t.Context(), &ListTagsOfResourceInput{ResourceArn: &arn})
	if err != nil || !slices.EqualFunc(out.Tags, []Tag{tag("a", "1")}, func(a, b Tag) bool { return *a.Key == *b.Key && *a.Value == *b.Value }) {
		t.Errorf("tags of CreateTable: %v, %v", out, err)
	}
}
