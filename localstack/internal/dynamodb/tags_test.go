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
		"Number of Tags exceed the current limit for the provided ResourceArn":   many, // with those there are
		"Duplicate Tag Keys provided as input: Duplicate Tag Key found a":        {tag("a", "1"), tag("a", "2")},
		"Tag Key cannot be prefixed with aws:, Key: aws:x":                       {tag("aws:x", "1")},
		"The Tag Key provided is invalid, Key: ":                                 {tag("", "1")},
		"The Tag Key provided is invalid, Key: null":                             {{nil, ptr("1")}},
		"The Tag Key provided is invalid, Key: a#":                               {tag("good", "1"), tag("a#", "1")},
		"The Tag Key provided is invalid, Key: " + strings.Repeat("\u00e9", 129): {tag(strings.Repeat("\u00e9", 129), "1")},
		"The Tag Value provided is invalid, Value: null":                         {{ptr("k"), nil}},
		"The Tag Value provided is invalid, Value: 100%":                         {tag("k", "100%")},
		"The Tag Value provided is invalid, Value: \U0001F511":                   {tag("k", "\U0001F511")},
		"The Tag Value provided is invalid, Value: " + strings.Repeat("v", 257):  {tag("k", strings.Repeat("v", 257))},
		"Atleast one Tag needs to be provided as Input.":                         {},
	} {
		want = "ValidationException: " + want
		if _, err := e.TagResource(t.Context(), &TagResourceInput{&arn, tags}); err == nil || err.Error() != want {
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

// TestTagText: letters of any script, digits, spaces and some signs, counted in
// characters, are valid in tags, also of a new table; which can't have more than 50.
func TestTagText(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	create := func(name string, tags []Tag) error {
		_, err := e.CreateTable(t.Context(), &CreateTableInput{TableName: &name, BillingMode: "PAY_PER_REQUEST", KeySchema: schema("pk", "sk"),
			AttributeDefinitions: []AttributeDefinition{def("pk", "S"), def("sk", "N")}, Tags: tags})
		return err
	}
	var many []Tag
	for i := range maxTags + 1 {
		many = append(many, tag(fmt.Sprint(i), ""))
	}
	for want, tags := range map[string][]Tag{
		"ValidationException: Number of Tags exceed the current limit for the provided ResourceArn": many,
		"ValidationException: The Tag Key provided is invalid, Key: a!":                             {tag("a!", "")},
	} {
		if err := create("refused", tags); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := e.DescribeTable(t.Context(), &TableNameInput{ptr("refused")}); codeOf(err) != "ResourceNotFoundException" {
		t.Errorf("a table with tags that were refused: %v", err)
	}
	if err := create("tagged", many[1:]); err != nil {
		t.Error(err)
	}
	if err := create("letters", []Tag{tag(strings.Repeat("\u05d0", 128), strings.Repeat("\u8868", 256)), tag(" a+b-c=d.e_f:g/h@i9", "\u00a0")}); err != nil {
		t.Error(err)
	}
	arn := tableARN("us-east-1", "tagged")
	for want, keys := range map[string][]string{
		"ValidationException: The Tag Key provided is invalid, Key: a!":                             {"a!"},
		"ValidationException: Number of Tags exceed the current limit for the provided ResourceArn": strings.Fields(strings.Repeat("k ", maxTags+1)),
	} {
		if _, err := e.UntagResource(t.Context(), &UntagResourceInput{&arn, keys}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
