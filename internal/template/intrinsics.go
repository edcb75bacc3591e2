// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html

package template

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// call evaluates an intrinsic function.
func (e *evaluator) call(name string, tagged *yaml.Node) (any, error) {
	// In the short form the argument's own node carries the function's tag; in
	// the long form the argument may itself be a call in short form.
	arg := tagged
	if strings.TrimPrefix(tagged.Tag, "!") == name {
		arg = argument(tagged)
	}
	switch name {
	case "Ref":
		return e.ref(arg.Value)
	case "GetAtt":
		return e.callGetAtt(arg)
	case "Sub":
		return e.callSub(arg)
	case "Join":
		return e.callJoin(arg)
	case "If":
		return e.callIf(arg)
	case "Select":
		return e.callSelect(arg)
	case "Split":
		return e.callSplit(arg)
	case "FindInMap":
		return e.callFindInMap(arg)
	case "Equals", "And", "Or", "Not", "Condition":
		on, err := e.test(name, arg)
		return strconv.FormatBool(on), err
	}
	return nil, errors.New("this function is not supported")
}

func (e *evaluator) callGetAtt(arg *yaml.Node) (any, error) {
	if arg.Kind == yaml.SequenceNode && len(arg.Content) == 2 {
		attr, err := e.evalString(arg.Content[1])
		if err != nil {
			return nil, err
		}
		return e.getAtt(arg.Content[0].Value, attr)
	}
	id, attr, ok := strings.Cut(arg.Value, ".")
	if !ok {
		return nil, errors.New("wants LogicalId.Attribute")
	}
	return e.getAtt(id, attr)
}

var subVariable = regexp.MustCompile(`\$\{(![^}]*|[^}!]+)\}`)

// callSub takes "text ${Name} ${Resource.Attribute} ${!Literal}", or a list of that
// and a mapping of further names.
func (e *evaluator) callSub(arg *yaml.Node) (any, error) {
	text, own := arg.Value, map[string]any{}
	if arg.Kind == yaml.SequenceNode {
		if len(arg.Content) != 2 {
			return nil, errors.New("wants a string and a mapping")
		}
		text = arg.Content[0].Value
		v, err := e.eval(arg.Content[1])
		if err != nil {
			return nil, err
		}
		if own, _ = asMap(v); own == nil {
			return nil, errors.New("wants a string and a mapping")
		}
	}
	var failed error
	out := subVariable.ReplaceAllStringFunc(text, func(m string) string {
		name := strings.TrimSpace(m[2 : len(m)-1])
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		s, err := e.subValue(name, own)
		failed = errors.Join(failed, err)
		return s
	})
	return out, failed
}

func (e *evaluator) subValue(name string, own map[string]any) (string, error) {
	v, ok := own[name]
	var err error
	if id, attr, dotted := strings.Cut(name, "."); !ok && dotted {
		v, err = e.getAtt(id, attr)
	} else if !ok {
		v, err = e.ref(name)
	}
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("${%s} is not a string", name)
	}
	return s, nil
}

func (e *evaluator) callJoin(arg *yaml.Node) (any, error) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 2 {
		return nil, errors.New("wants a delimiter and a list")
	}
	delimiter, err := e.evalString(arg.Content[0])
	if err != nil {
		return nil, err
	}
	list, err := e.evalStringList(arg.Content[1])
	return strings.Join(list, delimiter), err
}

func (e *evaluator) evalStringList(n *yaml.Node) ([]string, error) {
	v, err := e.eval(n)
	if err != nil {
		return nil, err
	}
	return toStrings(v)
}

func (e *evaluator) callIf(arg *yaml.Node) (any, error) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 3 {
		return nil, errors.New("wants a condition and two values")
	}
	on, err := e.condition(arg.Content[0].Value)
	if err != nil {
		return nil, err
	}
	if on {
		return e.eval(arg.Content[1])
	}
	return e.eval(arg.Content[2])
}

func (e *evaluator) callSelect(arg *yaml.Node) (any, error) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 2 {
		return nil, errors.New("wants an index and a list")
	}
	index, err := e.evalString(arg.Content[0])
	if err != nil {
		return nil, err
	}
	v, err := e.eval(arg.Content[1])
	if err != nil {
		return nil, err
	}
	list, _ := v.([]any)
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(list) {
		return nil, fmt.Errorf("index %q of a list of %d", index, len(list))
	}
	return list[i], nil
}

func (e *evaluator) callSplit(arg *yaml.Node) (any, error) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 2 {
		return nil, errors.New("wants a delimiter and a string")
	}
	args, err := e.evalStrings(arg.Content)
	if err != nil {
		return nil, err
	}
	if args[0] == "" {
		return nil, errors.New("the delimiter is empty")
	}
	return fromStrings(strings.Split(args[1], args[0])), nil
}

func (e *evaluator) callFindInMap(arg *yaml.Node) (any, error) {
	if arg.Kind != yaml.SequenceNode || len(arg.Content) != 3 {
		return nil, errors.New("wants a map's name and two keys")
	}
	keys, err := e.evalStrings(arg.Content)
	if err != nil {
		return nil, err
	}
	n := e.doc.mappings
	for _, k := range keys {
		if n = lookup(n, k); n == nil {
			return nil, fmt.Errorf("%s is not in Mappings", strings.Join(keys, "."))
		}
	}
	return e.eval(n)
}

// condition evaluates a named condition.
func (e *evaluator) condition(name string) (bool, error) {
	n := lookup(e.doc.conditions, name)
	if n == nil {
		return false, fmt.Errorf("condition %s is not declared", name)
	}
	if e.pending["?"+name] {
		return false, fmt.Errorf("condition %s refers to itself", name)
	}
	e.pending["?"+name] = true
	defer delete(e.pending, "?"+name)
	return e.testNode(n)
}

// testNode evaluates a node that must be a condition function.
func (e *evaluator) testNode(n *yaml.Node) (bool, error) {
	fn, arg, ok := intrinsic(n)
	if !ok {
		if c := lookup(n, "Condition"); c != nil && len(n.Content) == 2 {
			return e.condition(c.Value)
		}
		return false, fmt.Errorf("line %d: not a condition function", n.Line)
	}
	if strings.TrimPrefix(arg.Tag, "!") == fn {
		arg = argument(arg)
	}
	return e.test(fn, arg)
}

func (e *evaluator) test(name string, arg *yaml.Node) (bool, error) {
	switch name {
	case "Condition":
		return e.condition(arg.Value)
	case "Equals":
		if len(arg.Content) != 2 {
			return false, errors.New("Equals wants two values")
		}
		v, err := e.evalStrings(arg.Content)
		return err == nil && v[0] == v[1], err
	case "Not":
		if len(arg.Content) != 1 {
			return false, errors.New("Not wants one condition")
		}
		on, err := e.testNode(arg.Content[0])
		return !on, err
	case "And", "Or":
		return e.testAll(arg.Content, name == "And")
	}
	return false, fmt.Errorf("%s is not a condition function", name)
}

// testAll is And (want true) or Or (want false). It stops at the first result that
// isn't want.
func (e *evaluator) testAll(nodes []*yaml.Node, want bool) (bool, error) {
	if len(nodes) < 2 {
		return false, errors.New("And and Or want two to ten conditions")
	}
	for _, n := range nodes {
		on, err := e.testNode(n)
		if err != nil || on != want {
			return on, err
		}
	}
	return want, nil
}
