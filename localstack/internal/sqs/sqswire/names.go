package sqswire

import "reflect"

// memberNames are the names that lists and maps have in the query protocol,
// where each element stands under the singular.
var memberNames = map[string]string{
	"AWSAccountIds":               "AWSAccountId",
	"Actions":                     "ActionName",
	"AttributeNames":              "AttributeName",
	"Attributes":                  "Attribute",
	"BinaryListValues":            "BinaryListValue",
	"Failed":                      "BatchResultErrorEntry",
	"MessageAttributeNames":       "MessageAttributeName",
	"MessageAttributes":           "MessageAttribute",
	"MessageSystemAttributeNames": "MessageSystemAttributeName",
	"MessageSystemAttributes":     "MessageSystemAttribute",
	"Messages":                    "Message",
	"QueueUrls":                   "QueueUrl",
	"StringListValues":            "StringListValue",
	"TagKeys":                     "TagKey",
	"Tags":                        "Tag",
}

// queryName is a member's name in the query protocol. The entries of batches
// are called as their types are.
func queryName(f reflect.StructField) string {
	if name, ok := memberNames[f.Name]; ok {
		return name
	}
	if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
		return f.Type.Elem().Name()
	}
	return f.Name
}

// keyName is what the key of a map's pair is called.
func keyName(member string) string {
	if member == "Tag" {
		return "Key"
	}
	return "Name"
}
