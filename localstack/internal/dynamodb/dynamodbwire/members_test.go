package dynamodbwire

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/errandhq/errand/localstack/internal/dynamodb"
)

// TestMembers walks the SDK's inputs: each operation of AWS is supported or refused by
// name, and each member of a supported one is one of the engine's input, which may be
// Unsupported. So no member is dropped in silence. Enumerations have AWS's values.
func TestMembers(t *testing.T) {
	ours, client := reflect.TypeFor[*dynamodb.Engine](), reflect.TypeFor[*sdk.Client]()
	supported := operations(nil)
	for i := range client.NumMethod() {
		method := client.Method(i)
		if method.Type.NumIn() < 3 || method.Type.In(2).Kind() != reflect.Pointer || method.Type.In(2).Elem().Name() != method.Name+"Input" {
			continue
		}
		if supported[method.Name] == nil {
			if e := unknownOperation(targetPrefix + method.Name); !strings.HasSuffix(e.Message, method.Name) {
				t.Errorf("%s is neither supported nor refused by name: %v", method.Name, e)
			}
			continue
		}
		input := method.Type.In(2).Elem()
		if method.Name == "DescribeEndpoints" { // which has no engine
			if visible := input.NumField(); visible != 1 {
				t.Errorf("%s has members", method.Name)
			}
			continue
		}
		engineMethod, ok := ours.MethodByName(method.Name)
		if !ok {
			t.Fatalf("the engine has no %s", method.Name)
		}
		checkMembers(t, method.Name, input, engineMethod.Type.In(2).Elem(), map[reflect.Type]bool{})
	}
}

// checkMembers fails for a member of theirs, anywhere in it, that ours lacks.
func checkMembers(t *testing.T, path string, theirs, ours reflect.Type, seen map[reflect.Type]bool) {
	theirs, ours = element(theirs), element(ours)
	if theirs.Kind() != reflect.Struct || theirs.PkgPath() == "time" || ours == reflect.TypeFor[dynamodb.Unsupported]() || seen[theirs] {
		return
	}
	seen[theirs] = true
	if ours.Kind() != reflect.Struct {
		t.Errorf("%s is a structure of AWS's API, and %s here", path, ours)
		return
	}
	fields := fieldsOf(ours)
	for i := range theirs.NumField() {
		f := theirs.Field(i)
		if !f.IsExported() {
			continue
		}
		at, ok := fields[f.Name]
		if !ok {
			t.Errorf("%s.%s is a member of AWS's API, and is dropped in silence", path, f.Name)
			continue
		}
		own := ours.Field(at)
		if values, enum := f.Type.MethodByName("Values"); enum && own.Type != reflect.TypeFor[dynamodb.Unsupported]() {
			checkEnum(t, path+"."+f.Name, values.Func.Call([]reflect.Value{reflect.Zero(f.Type)})[0], own.Tag.Get("aws"))
		}
		checkMembers(t, path+"."+f.Name, f.Type, own.Type, seen)
	}
}

// checkEnum fails unless the rules of a member list AWS's values of it.
func checkEnum(t *testing.T, path string, values reflect.Value, rules string) {
	var theirs, ours []string
	for i := range values.Len() {
		theirs = append(theirs, values.Index(i).String())
	}
	for rule := range strings.SplitSeq(rules, ",") {
		if words, ok := strings.CutPrefix(rule, "enum="); ok {
			ours = strings.Fields(words)
		}
	}
	slices.Sort(theirs)
	slices.Sort(ours)
	if !slices.Equal(theirs, ours) {
		t.Errorf("%s is one of %v with AWS, and of %v here", path, theirs, ours)
	}
}

// element returns the type in pointers, lists and maps. Attribute values, which the SDK
// has as an interface, are leaves.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

// TestUnsupportedMembers: a member that isn't supported is refused by name over the wire,
// whatever its type, and null is no member.
func TestUnsupportedMembers(t *testing.T) {
	t.Parallel()
	h := seeded(t)
	for member, want := range map[string]string{
		`"ResourcePolicy":"{}"`: "ResourcePolicy is not supported here", `"VectorIndexes":[{}]`: "VectorIndexes is not supported here",
		`"GlobalTableSourceArn":null`: "The parameter 'TableName' is required",
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{"+member+"}"))
		r.Header.Set("X-Amz-Target", targetPrefix+"CreateTable")
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body := w.Body.String()
		if !strings.Contains(body, "ValidationException") || !strings.Contains(body, want) {
			t.Errorf("%s: %s, want %s", member, body, want)
		}
	}
}
