package flow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/errandhq/errand"
)

// roles are the roles of template.yaml, and who has them.
type roles struct {
	byID         map[string]role
	functions    map[string]function // by the folder of their code
	integrations map[string]integration
	groups       map[string]logGroup
}

// role is an AWS::IAM::Role. grants are "action resource", or "action resource
// if condition", where resources have the template's names.
type role struct {
	trusts     string // the service that may assume it
	grants     []string
	properties []string // names, in order
}

type function struct {
	Role          string         `yaml:"Role"`
	Policies      []any          `yaml:"Policies"`
	LoggingConfig map[string]any `yaml:"LoggingConfig"`
	CodeUri       string         `yaml:"CodeUri"`
}

type integration struct {
	IntegrationSubtype string            `yaml:"IntegrationSubtype"`
	CredentialsArn     string            `yaml:"CredentialsArn"`
	RequestParameters  map[string]string `yaml:"RequestParameters"`
}

type logGroup struct {
	LogGroupName    string `yaml:"LogGroupName"`
	RetentionInDays string `yaml:"RetentionInDays"`
}

// statement is what grants understands of a policy's.
type statement struct {
	Effect    string                       `yaml:"Effect"`
	Action    []string                     `yaml:"Action"`
	Resource  []string                     `yaml:"Resource"` // the text behind !GetAtt or !Sub
	Condition map[string]map[string]string `yaml:"Condition"`
}

// templateRoles reads template.yaml once.
var templateRoles = sync.OnceValues(readRoles)

func readRoles() (*roles, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(errand.Template, &doc); err != nil {
		return nil, err
	}
	untag(&doc)
	var tmpl struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := doc.Decode(&tmpl); err != nil {
		return nil, err
	}
	r := &roles{byID: map[string]role{}, functions: map[string]function{}, integrations: map[string]integration{}, groups: map[string]logGroup{}}
	for id, res := range tmpl.Resources {
		var err error
		switch res.Type {
		case "AWS::IAM::Role":
			r.byID[id], err = readRole(&res.Properties)
		case "AWS::Serverless::Function":
			var f function
			err = res.Properties.Decode(&f)
			r.functions[strings.Trim(strings.TrimPrefix(f.CodeUri, "functions/"), "/")] = f
		case "AWS::ApiGatewayV2::Integration":
			var in integration
			err = res.Properties.Decode(&in)
			r.integrations[id] = in
		case "AWS::Logs::LogGroup":
			var g logGroup
			err = res.Properties.Decode(&g)
			r.groups[id] = g
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
	}
	return r, nil
}

func readRole(n *yaml.Node) (role, error) {
	var r role
	var names map[string]any
	var p struct {
		AssumeRolePolicyDocument struct {
			Statement []struct {
				Principal map[string]string `yaml:"Principal"`
			} `yaml:"Statement"`
		} `yaml:"AssumeRolePolicyDocument"`
		Policies []struct {
			PolicyDocument struct {
				Statement []yaml.Node `yaml:"Statement"`
			} `yaml:"PolicyDocument"`
		} `yaml:"Policies"`
	}
	if err := n.Decode(&names); err != nil {
		return r, err
	}
	if err := n.Decode(&p); err != nil {
		return r, err
	}
	r.properties = slices.Sorted(maps.Keys(names))
	for _, s := range p.AssumeRolePolicyDocument.Statement {
		r.trusts += s.Principal["Service"]
	}
	for _, policy := range p.Policies {
		for _, s := range policy.PolicyDocument.Statement {
			if s.Tag == "!If" { // where the condition holds; else there is nothing
				s = *s.Content[1]
			}
			g, err := grants(&s)
			if err != nil {
				return r, err
			}
			r.grants = append(r.grants, g...)
		}
	}
	return r, nil
}

// grants lists what a statement allows. What it doesn't understand it refuses.
func grants(n *yaml.Node) (all []string, err error) {
	var s statement
	var names map[string]any
	if err := n.Decode(&names); err != nil {
		return nil, err
	}
	for name := range names {
		if !slices.Contains([]string{"Effect", "Action", "Resource", "Condition"}, name) {
			return nil, fmt.Errorf("line %d: this test doesn't know what %s means", n.Line, name)
		}
	}
	if err := n.Decode(&s); err != nil {
		return nil, err
	}
	if s.Effect != "Allow" {
		return nil, fmt.Errorf("line %d: this test doesn't know what Effect %s means", n.Line, s.Effect)
	}
	condition := ""
	for operator, keys := range s.Condition {
		for key, value := range keys {
			condition += fmt.Sprintf(" if %s %s %s", key, operator, value)
		}
	}
	for _, action := range s.Action {
		for _, resource := range s.Resource {
			all = append(all, action+" "+resourceName.Replace(resource)+condition)
		}
	}
	return all, nil
}

// resourceName makes the template's names of ARNs.
var resourceName = strings.NewReplacer(
	"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-", "function:",
	"arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-", "queue:",
	"${", "", "}", "", ".Arn", "",
)

// untag makes plain text of CloudFormation's short functions.
func untag(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		untag(c)
	}
}

// of is the role of a function.
func (r *roles) of(name string) role {
	return r.byID[strings.TrimSuffix(r.functions[name].Role, ".Arn")]
}

// TestRoles: each function has a role of its own, which no managed policy widens,
// and may write to its own log group, which forgets.
func TestRoles(t *testing.T) {
	r, err := templateRoles()
	if err != nil {
		t.Fatal(err)
	}
	holders := map[string]string{} // of roles and of log groups
	hold := func(what, who string) {
		if holders[what] != "" || what == "" {
			t.Errorf("%s and %s share %q", who, holders[what], what)
		}
		holders[what] = who
	}
	for name, f := range r.functions {
		id, group := strings.TrimSuffix(f.Role, ".Arn"), fmt.Sprint(f.LoggingConfig["LogGroup"])
		hold(id, name)
		hold(group, name)
		if f.Policies != nil {
			t.Errorf("%s has policies beside its role: %v", name, f.Policies)
		}
		if g := r.groups[group]; g.LogGroupName != "/aws/lambda/${AWS::StackName}-"+name || g.RetentionInDays != "LogDays" {
			t.Errorf("%s logs to %+v", name, g)
		}
		checkRole(t, id, r.byID[id], "lambda.amazonaws.com")
		want := []string{"logs:CreateLogStream " + group, "logs:PutLogEvents " + group}
		if got := logGrants(r.byID[id]); !slices.Equal(got, want) {
			t.Errorf("%s may write logs by %q, want %q", name, got, want)
		}
	}
	for id, in := range r.integrations {
		credentials := strings.TrimSuffix(in.CredentialsArn, ".Arn")
		hold(credentials, id)
		checkRole(t, credentials, r.byID[credentials], "apigateway.amazonaws.com")
		want := []string{strings.Replace(in.IntegrationSubtype, "SQS-", "sqs:", 1) + " " + in.RequestParameters["QueueUrl"]}
		if got := r.byID[credentials].grants; !slices.Equal(got, want) {
			t.Errorf("%s's role grants %q, want %q", id, got, want)
		}
	}
	for id := range r.byID {
		if holders[id] == "" {
			t.Errorf("nobody has the role %s", id)
		}
	}
	if got := r.of("direct").grants; len(got) != 2 {
		t.Errorf("what runs user commands may do more than write its log: %q", got)
	}
}

func checkRole(t *testing.T, id string, r role, service string) {
	t.Helper()
	if r.trusts != service {
		t.Errorf("%s may be assumed by %q, want %s", id, r.trusts, service)
	}
	if !slices.Equal(r.properties, []string{"AssumeRolePolicyDocument", "Policies"}) {
		t.Errorf("%s has %q", id, r.properties)
	}
	for _, g := range r.grants {
		action, resource, _ := strings.Cut(g, " ")
		resource, _, _ = strings.Cut(resource, " if ")
		objects, ok := strings.CutPrefix(resource, "Bucket/")
		if ok {
			resource = strings.TrimSuffix(objects, "/*")
		}
		resource = strings.TrimSuffix(resource, "queue:q-*") // those that people made
		if strings.Contains(action+resource, "*") {
			t.Errorf("%s grants %q", id, g)
		}
	}
}

func logGrants(r role) (logs []string) {
	for _, g := range r.grants {
		if strings.HasPrefix(g, "logs:") {
			logs = append(logs, g)
		}
	}
	return logs
}
