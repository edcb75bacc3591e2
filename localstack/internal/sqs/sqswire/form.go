package sqswire

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// A node is a parameter or, for keys with dots, a tree of them:
// SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue
type node struct {
	value    string
	set      bool
	children map[string]*node
}

// maxDepth is how many dots a key may have. The longest of AWS has 6.
const maxDepth = 8

func parseTree(form url.Values) *node {
	root := &node{}
	for key, values := range form {
		if len(values) == 0 || strings.Count(key, ".") > maxDepth {
			continue
		}
		n := root
		for part := range strings.SplitSeq(key, ".") {
			n = n.child(part)
		}
		n.value, n.set = values[0], true
	}
	return root
}

func (n *node) child(name string) *node {
	if n.children == nil {
		n.children = map[string]*node{}
	}
	k := n.children[name]
	if k == nil {
		k = &node{}
		n.children[name] = k
	}
	return k
}

// list returns the numbered children in the order of their numbers, which may
// have gaps. A node without a number is a list of itself: boto 2 sends
// AttributeName=All and Attribute.Name=….
func (n *node) list() []*node {
	numbers := make([]int, 0, len(n.children))
	byNumber := map[int]*node{}
	for name, kid := range n.children {
		// Not 01, which would be a second 1.
		if i, err := strconv.Atoi(name); err == nil && strconv.Itoa(i) == name {
			numbers = append(numbers, i)
			byNumber[i] = kid
		}
	}
	if len(numbers) == 0 && (n.set || n.children["Name"] != nil || n.children["Key"] != nil) {
		return []*node{n}
	}
	slices.Sort(numbers)
	kids := make([]*node, len(numbers))
	for i, number := range numbers {
		kids[i] = byNumber[number]
	}
	return kids
}

// decodeForm decodes the parameters of a query request into an input. As AWS does,
// it ignores unknown ones.
func decodeForm(form url.Values, into any) error {
	return decodeStruct(parseTree(form), reflect.ValueOf(into).Elem())
}

func decodeStruct(n *node, v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := queryName(f)
		kid := n.children[name]
		if kid == nil {
			continue
		}
		if err := decodeNode(kid, v.Field(i), name); err != nil {
			return err
		}
	}
	return nil
}

func decodeNode(n *node, v reflect.Value, name string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.value)
	case reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.value, 10, v.Type().Bits())
		if err != nil {
			return malformed(name)
		}
		v.SetInt(i)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.value)
		if err != nil {
			return malformed(name)
		}
		v.SetBool(b)
	case reflect.Pointer:
		if !n.set {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return decodeNode(n, v.Elem(), name)
	case reflect.Slice:
		return decodeSlice(n, v, name)
	case reflect.Map:
		return decodeMap(n, v, name)
	case reflect.Struct:
		return decodeStruct(n, v)
	}
	return nil
}

func decodeSlice(n *node, v reflect.Value, name string) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b, err := base64.StdEncoding.DecodeString(n.value)
		if err != nil {
			return malformed(name)
		}
		v.SetBytes(b)
		return nil
	}
	for _, kid := range n.list() {
		element := reflect.New(v.Type().Elem()).Elem()
		if err := decodeNode(kid, element, name); err != nil {
			return err
		}
		v.Set(reflect.Append(v, element))
	}
	return nil
}

func decodeMap(n *node, v reflect.Value, name string) error {
	for _, kid := range n.list() {
		key := kid.children[keyName(name)]
		if key == nil {
			return malformed(name)
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if value := kid.children["Value"]; value != nil {
			if err := decodeNode(value, element, name); err != nil {
				return err
			}
		}
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		v.SetMapIndex(reflect.ValueOf(key.value), element)
	}
	return nil
}

func malformed(name string) error {
	return awswire.Errorf(http.StatusBadRequest, "MalformedInput", "The value of parameter %s is malformed.", name)
}
