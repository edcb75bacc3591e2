package template

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

// implicitAPI is the logical ID of the HTTP API that SAM creates for events without
// an ApiId.
const implicitAPI = "ServerlessHttpApi"

// ref returns the value of !Ref.
func (e *evaluator) ref(name string) (any, error) {
	switch name {
	case "AWS::NoValue":
		return noValue{}, nil
	case "AWS::Region":
		return e.o.Region, nil
	case "AWS::AccountId":
		return e.o.Account, nil
	case "AWS::StackName":
		return e.o.StackName, nil
	case "AWS::StackId":
		return e.arn("cloudformation", "stack/"+e.o.StackName+"/local"), nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	}
	if v, ok := e.parameters[name]; ok {
		return v, nil
	}
	if name == implicitAPI && e.doc.byID[name] == nil {
		return e.apiID(implicitAPI), nil
	}
	r, err := e.resource(name)
	if err != nil {
		return nil, err
	}
	physical, err := e.name(r)
	if k, ok := kinds[r.typ]; ok && k.ref != nil && err == nil {
		return k.ref(e, physical), nil
	}
	return physical, err
}

// getAtt returns the value of !GetAtt.
func (e *evaluator) getAtt(id, attribute string) (any, error) {
	if id == implicitAPI && e.doc.byID[id] == nil && attribute == "ApiEndpoint" {
		return e.apiEndpoint(e.apiID(id)), nil
	}
	r, err := e.resource(id)
	if err != nil {
		return nil, err
	}
	physical, err := e.name(r)
	if err != nil {
		return nil, err
	}
	if f, ok := kinds[r.typ].attributes[attribute]; ok {
		return f(e, physical), nil
	}
	if r.typ == "AWS::IAM::Role" && attribute == "Arn" {
		return "arn:aws:iam::" + e.o.Account + ":role/" + physical, nil
	}
	return nil, fmt.Errorf("attribute %s of %s (%s) is not supported", attribute, id, r.typ)
}

// resource returns the resource that a reference names.
func (e *evaluator) resource(id string) (*resource, error) {
	r := e.doc.byID[id]
	if r == nil {
		return nil, fmt.Errorf("%s is neither a parameter nor a resource", id)
	}
	on, err := e.active(r)
	if err == nil && !on {
		err = fmt.Errorf("%s isn't there: its condition %s is false", id, r.condition)
	}
	return r, err
}

// active reports whether a resource's condition holds.
func (e *evaluator) active(r *resource) (bool, error) {
	if r.condition == "" {
		return true, nil
	}
	return e.condition(r.condition)
}

// name returns a resource's physical name: that of its property, or one made of the
// stack name and the logical ID, without AWS's random suffix.
func (e *evaluator) name(r *resource) (string, error) {
	if n, ok := e.names[r.id]; ok {
		return n, nil
	}
	if e.pending[r.id] {
		return "", fmt.Errorf("the name of %s refers to itself", r.id)
	}
	e.pending[r.id] = true
	defer delete(e.pending, r.id)
	k := kinds[r.typ]
	name := e.o.StackName + "-" + r.id
	if k.generate != nil {
		name = k.generate(e, r)
	}
	if n := lookup(r.properties, k.nameProperty); n != nil && k.nameProperty != "" {
		v, err := e.eval(n)
		if err != nil {
			return "", err
		}
		switch v := v.(type) {
		case string:
			name = v
		case noValue:
		default:
			return "", fmt.Errorf("%s is not a string", k.nameProperty)
		}
	}
	e.names[r.id] = name
	return name, nil
}

// apiID returns ten characters, the same at each start.
func (e *evaluator) apiID(logicalID string) string {
	sum := sha256.Sum256([]byte(e.o.StackName + "/" + logicalID))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))[:10]
}

func (e *evaluator) apiEndpoint(id string) string {
	return "https://" + id + ".execute-api." + e.o.Region + ".amazonaws.com"
}

func (e *evaluator) arn(service, rest string) string {
	return "arn:aws:" + service + ":" + e.o.Region + ":" + e.o.Account + ":" + rest
}

func (e *evaluator) queueURL(name string) string {
	return strings.TrimSuffix(e.o.Endpoint, "/") + "/" + e.o.Account + "/" + name
}
