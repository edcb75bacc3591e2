package template

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// document is a template before evaluation.
type document struct {
	parameters, mappings, conditions, outputs *yaml.Node
	functionDefaults                          *yaml.Node // Globals.Function
	apiDefaults                               *yaml.Node // Globals.HttpApi
	resources                                 []*resource
	byID                                      map[string]*resource
}

// resource is one entry of Resources.
type resource struct {
	id, typ, condition string
	line               int
	properties         *yaml.Node // nil: none
}

const serverlessTransform = "AWS::Serverless-2016-10-31"

// sections are the supported top-level keys. Those that no function reads have no
// effect here.
var sections = map[string]bool{
	"AWSTemplateFormatVersion": true, "Description": true, "Metadata": true, "Parameters": true,
	"Mappings": true, "Conditions": true, "Transform": true, "Globals": true, "Resources": true, "Outputs": true,
}

func parseDocument(source []byte) (*document, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(source, &root); err != nil {
		return nil, fmt.Errorf("parse the template: %w", err)
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the template is not a mapping")
	}
	top := root.Content[0]
	for _, p := range pairs(top) {
		if !sections[p.key] {
			return nil, fmt.Errorf("line %d: section %s is not supported", p.value.Line, p.key)
		}
	}
	d := &document{
		parameters: lookup(top, "Parameters"),
		mappings:   lookup(top, "Mappings"),
		conditions: lookup(top, "Conditions"),
		outputs:    lookup(top, "Outputs"),
		byID:       map[string]*resource{},
	}
	serverless, err := readTransform(lookup(top, "Transform"))
	if err != nil {
		return nil, err
	}
	if err := d.readGlobals(lookup(top, "Globals")); err != nil {
		return nil, err
	}
	return d, d.readResources(lookup(top, "Resources"), serverless)
}

func readTransform(n *yaml.Node) (serverless bool, err error) {
	names := []*yaml.Node{}
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		names = n.Content
	default:
		names = append(names, n)
	}
	for _, name := range names {
		if name.Value != serverlessTransform {
			return false, fmt.Errorf("line %d: transform %q is not supported", name.Line, name.Value)
		}
		serverless = true
	}
	return serverless, nil
}

func (d *document) readGlobals(n *yaml.Node) error {
	for _, p := range pairs(n) {
		switch p.key {
		case "Function":
			d.functionDefaults = p.value
		case "HttpApi":
			d.apiDefaults = p.value
		default:
			return fmt.Errorf("line %d: Globals.%s is not supported", p.value.Line, p.key)
		}
	}
	return nil
}

func (d *document) readResources(n *yaml.Node, serverless bool) error {
	for _, p := range pairs(n) {
		r := &resource{id: p.key, line: p.line, properties: lookup(p.value, "Properties")}
		if t := lookup(p.value, "Type"); t != nil {
			r.typ = t.Value
		}
		if c := lookup(p.value, "Condition"); c != nil {
			r.condition = c.Value
		}
		if strings.HasPrefix(r.typ, "AWS::Serverless::") && !serverless {
			return fmt.Errorf("resource %s (line %d): %s needs Transform: %s", r.id, r.line, r.typ, serverlessTransform)
		}
		if d.byID[r.id] != nil {
			return fmt.Errorf("resource %s (line %d) is declared twice", r.id, r.line)
		}
		d.byID[r.id] = r
		d.resources = append(d.resources, r)
	}
	if len(d.resources) == 0 {
		return errors.New("the template has no Resources")
	}
	return nil
}

type pair struct {
	key   string
	value *yaml.Node
	line  int
}

// pairs returns the entries of a mapping, in order; none for any other node.
func pairs(n *yaml.Node) []pair {
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	ps := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		ps = append(ps, pair{n.Content[i].Value, n.Content[i+1], n.Content[i].Line})
	}
	return ps
}

// lookup returns a value of a mapping; nil if there is none.
func lookup(n *yaml.Node, key string) *yaml.Node {
	for _, p := range pairs(n) {
		if p.key == key {
			return p.value
		}
	}
	return nil
}
