package template

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// evaluator turns nodes into values: strings (CloudFormation coerces every scalar to
// one), []any, map[string]any, or noValue.
type evaluator struct {
	doc        *document
	o          Options
	parameters map[string]any // string or []any
	names      map[string]string
	pending    map[string]bool // names and conditions being evaluated, to detect cycles
	depth      int
	nodes      int // evaluated so far
	plain      plainAPI
}

// noValue is the value of !Ref AWS::NoValue: the property is absent.
type noValue struct{}

// maxDepth limits nesting, which aliases can make infinite. maxNodes limits the
// number of evaluations, which aliases can double at each level.
const (
	maxDepth = 100
	maxNodes = 200_000
)

func newEvaluator(d *document, o Options) (*evaluator, error) {
	e := &evaluator{
		doc: d, o: o, names: map[string]string{}, pending: map[string]bool{},
		plain: plainAPI{stages: map[string]bool{}, integrations: map[string]integration{}},
	}
	var err error
	e.parameters, err = readParameters(d.parameters, o.Parameters)
	return e, err
}

// eval evaluates a node; nil is an empty mapping.
func (e *evaluator) eval(n *yaml.Node) (any, error) {
	if n == nil {
		return map[string]any{}, nil
	}
	if e.depth++; e.depth > maxDepth {
		return nil, fmt.Errorf("line %d: nested too deeply", n.Line)
	}
	defer func() { e.depth-- }()
	if e.nodes++; e.nodes > maxNodes {
		return nil, fmt.Errorf("line %d: the template is too large, or its aliases make it so", n.Line)
	}
	if n.Kind == yaml.AliasNode {
		return e.eval(n.Alias)
	}
	if name, arg, ok := intrinsic(n); ok {
		v, err := e.call(name, arg)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", n.Line, name, err)
		}
		return v, nil
	}
	switch n.Kind {
	case yaml.SequenceNode:
		return e.evalList(n)
	case yaml.MappingNode:
		return e.evalMap(n)
	}
	return scalar(n), nil
}

func (e *evaluator) evalList(n *yaml.Node) (any, error) {
	list := make([]any, 0, len(n.Content))
	for _, c := range n.Content {
		v, err := e.eval(c)
		if err != nil {
			return nil, err
		}
		if _, none := v.(noValue); !none {
			list = append(list, v)
		}
	}
	return list, nil
}

func (e *evaluator) evalMap(n *yaml.Node) (any, error) {
	m := make(map[string]any, len(n.Content)/2)
	for _, p := range pairs(n) {
		if p.key == "<<" {
			return nil, fmt.Errorf("line %d: YAML merge keys are not supported", p.line)
		}
		v, err := e.eval(p.value)
		if err != nil {
			return nil, err
		}
		if _, none := v.(noValue); !none {
			m[p.key] = v
		}
	}
	return m, nil
}

// scalar returns a scalar's text, with booleans as AWS writes them.
func scalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!null":
		return noValue{}
	case "!!bool":
		return strings.ToLower(n.Value)
	}
	return n.Value
}

// evalString evaluates a node that must give a string.
func (e *evaluator) evalString(n *yaml.Node) (string, error) {
	if n == nil {
		return "", errors.New("a value is missing")
	}
	v, err := e.eval(n)
	if err != nil {
		return "", err
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("line %d: not a string", n.Line)
	}
	return s, nil
}

// evalStrings evaluates nodes that must each give a string.
func (e *evaluator) evalStrings(nodes []*yaml.Node) ([]string, error) {
	ss := make([]string, len(nodes))
	for i, n := range nodes {
		var err error
		if ss[i], err = e.evalString(n); err != nil {
			return nil, err
		}
	}
	return ss, nil
}

// intrinsic recognises a function call, in the short form (!Sub x) or the long one
// ({Fn::Sub: x}). It returns the function's name without "Fn::", and the argument.
func intrinsic(n *yaml.Node) (name string, arg *yaml.Node, ok bool) {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return n.Tag[1:], n, true
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return "", nil, false
	}
	key := n.Content[0].Value
	if name, ok := strings.CutPrefix(key, "Fn::"); ok {
		return name, n.Content[1], true
	}
	if key == "Ref" {
		return key, n.Content[1], true
	}
	return "", nil, false
}

// argument returns a call's argument without the tag that names the function.
func argument(n *yaml.Node) *yaml.Node {
	if !strings.HasPrefix(n.Tag, "!") || strings.HasPrefix(n.Tag, "!!") {
		return n
	}
	plain := *n
	plain.Tag = ""
	return &plain
}
