package sqswire

import (
	"reflect"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/errandhq/errand/localstack/internal/sqs"
)

// TestMembers walks the SDK's inputs: each operation of AWS is supported, and each member
// of its input is one of the engine's. So none is dropped in silence.
func TestMembers(t *testing.T) {
	engine, client := reflect.TypeFor[*sqs.Engine](), reflect.TypeFor[*sdk.Client]()
	checked := 0
	for i := range client.NumMethod() {
		method := client.Method(i)
		if method.Type.NumIn() < 3 || method.Type.In(2).Kind() != reflect.Pointer || method.Type.In(2).Elem().Name() != method.Name+"Input" {
			continue
		}
		ours, ok := engine.MethodByName(method.Name)
		if operations[method.Name] == nil || !ok {
			t.Errorf("%s isn't supported", method.Name)
			continue
		}
		checkMembers(t, method.Name, method.Type.In(2), ours.Type.In(2))
		checked++
	}
	if checked != len(operations) {
		t.Errorf("%d operations of the SDK, and %d here", checked, len(operations))
	}
}

// checkMembers fails for a member of theirs, anywhere in it, that ours lacks.
func checkMembers(t *testing.T, path string, theirs, ours reflect.Type) {
	for theirs.Kind() == reflect.Pointer || theirs.Kind() == reflect.Slice || theirs.Kind() == reflect.Map {
		theirs = theirs.Elem()
	}
	for ours.Kind() == reflect.Pointer || ours.Kind() == reflect.Slice || ours.Kind() == reflect.Map {
		ours = ours.Elem()
	}
	if theirs.Kind() != reflect.Struct {
		return
	}
	if ours.Kind() != reflect.Struct {
		t.Errorf("%s is a structure of AWS's API, and %s here", path, ours)
		return
	}
	for i := range theirs.NumField() {
		f := theirs.Field(i)
		if !f.IsExported() {
			continue
		}
		own, ok := ours.FieldByName(f.Name)
		if !ok {
			t.Errorf("%s.%s is a member of AWS's API, and is dropped in silence", path, f.Name)
			continue
		}
		checkMembers(t, path+"."+f.Name, f.Type, own.Type)
	}
}
