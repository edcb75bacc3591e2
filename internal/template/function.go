// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html

package template

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

func functionARN(e *evaluator, name string) string { return e.arn("lambda", "function:"+name) }

// readFunction reads an AWS::Serverless::Function, with Globals.Function as
// defaults.
func readFunction(e *evaluator, r *resource, name string, p *props, t *Template) error {
	if err := mergeGlobals(e, e.doc.functionDefaults, p); err != nil {
		return err
	}
	p.ignore("FunctionName", "Architectures", "AutoPublishAlias", "Description", "EphemeralStorage", "KmsKeyArn",
		"LoggingConfig", "PackageType", "PermissionsBoundary", "Policies", "Role", "Runtime", "RuntimeManagementConfig",
		"SnapStart", "Tags", "PropagateTags", "Tracing", "VpcConfig", "RolePath", "AssumeRolePolicyDocument", "EventInvokeConfig")
	f := Function{
		LogicalID: r.id,
		Name:      name,
		ARN:       functionARN(e, name),
		CodeURI:   p.str("CodeUri", ""),
		Handler:   p.str("Handler", ""),
		Timeout:   time.Duration(p.integer("Timeout", 3)) * time.Second,
		MemoryMB:  p.integer("MemorySize", 128),
	}
	if f.Timeout <= 0 || f.Timeout > 15*time.Minute {
		p.fail("Timeout", "is not between 1 and 900 seconds")
	}
	if p.has("ReservedConcurrentExecutions") {
		n := p.integer("ReservedConcurrentExecutions", 0)
		f.Reserved = &n
	}
	f.Environment = p.object("Environment").texts("Variables")
	readEvents(e, p, &f, t)
	t.Functions = append(t.Functions, f)
	return p.done()
}

// mergeGlobals adds a Globals section to a resource's properties. Mappings are
// merged and lists are joined; of anything else, the resource's own value wins.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
func mergeGlobals(e *evaluator, n *yaml.Node, p *props) error {
	v, err := e.eval(n)
	if err != nil {
		return fmt.Errorf("globals: %w", err)
	}
	globals, ok := asMap(v)
	if !ok {
		return fmt.Errorf("globals: not a mapping")
	}
	p.m = merge(globals, p.m)
	return nil
}

func merge(under, over map[string]any) map[string]any {
	out := make(map[string]any, len(under)+len(over))
	maps.Copy(out, under)
	for k, v := range over {
		switch v := v.(type) {
		case map[string]any:
			if u, ok := asMap(out[k]); ok {
				out[k] = merge(u, v)
				continue
			}
		case []any:
			if u, ok := out[k].([]any); ok {
				out[k] = append(append([]any{}, u...), v...)
				continue
			}
		}
		out[k] = v
	}
	return out
}

func readEvents(e *evaluator, p *props, f *Function, t *Template) {
	names, events := p.entries("Events")
	for i, ev := range events {
		typ, o := ev.str("Type", ""), ev.object("Properties")
		switch typ {
		case "HttpApi":
			readRoute(e, o, f, t)
		case "Schedule":
			f.Schedules = append(f.Schedules, readSchedule(o, f.LogicalID+names[i], "Schedule"))
		case "ScheduleV2":
			s := readSchedule(o, f.LogicalID+names[i], "ScheduleExpression")
			s.V2 = true
			o.ignore("FlexibleTimeWindow", "GroupName", "OmitName", "PermissionsBoundary", "RoleArn", "ScheduleExpressionTimezone")
			f.Schedules = append(f.Schedules, s)
		default:
			ev.fail("Type", "%q is not supported", typ)
		}
	}
}

func readSchedule(o *props, id, expression string) Schedule {
	o.ignore("DeadLetterConfig", "Description", "RetryPolicy")
	s := Schedule{ID: id, Name: o.str("Name", id), Input: o.str("Input", "")}
	s.Disabled = !o.boolean("Enabled", true) || o.str("State", "ENABLED") == "DISABLED"
	rate := o.str(expression, "")
	every, err := parseRate(rate)
	if err != nil {
		o.fail(expression, "%q: %s", rate, err)
	}
	s.Every = every
	return s
}

// parseRate reads "rate(5 minutes)".
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
func parseRate(s string) (time.Duration, error) {
	inner, ok := strings.CutPrefix(s, "rate(")
	inner, closed := strings.CutSuffix(inner, ")")
	parts := strings.Fields(inner)
	if !ok || !closed || len(parts) != 2 {
		return 0, fmt.Errorf("only rate(N minutes|hours|days) is supported")
	}
	n, err := strconv.Atoi(parts[0])
	if err != nil || n < 1 {
		return 0, fmt.Errorf("the value must be a whole number above 0")
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	unit, ok := units[strings.TrimSuffix(parts[1], "s")]
	if !ok || (n == 1) == strings.HasSuffix(parts[1], "s") {
		return 0, fmt.Errorf("the unit must be minute, hour or day, in the plural if the value isn't 1")
	}
	return time.Duration(n) * unit, nil
}
