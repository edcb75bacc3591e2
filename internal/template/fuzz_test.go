package template

import (
	"os"
	"testing"
)

// FuzzParse: every input is either read or refused.
func FuzzParse(f *testing.F) {
	sample, err := os.ReadFile("testdata/sample.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	for _, s := range []string{
		plain("", "", ""), "{", "Resources: {}", "Resources: {Q: {Type: AWS::SQS::Queue, Properties: &a {QueueName: [*a]}}}",
		"Resources: {Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${Q.Arn}'}}}", "Resources: [1]", "Conditions: {C: !And []}\nResources: {Q: {Type: AWS::SQS::Queue, Condition: C}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		tmpl, err := Parse(source, options)
		if (tmpl == nil) == (err == nil) {
			t.Errorf("template %v, error %v", tmpl, err)
		}
	})
}
