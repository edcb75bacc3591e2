package sqswire

import "reflect"

// memberNames are the names of lists and maps in the query protocol: each element
// has the singular.
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

// queryName returns the name of a member in the query protocol. Entries of batches
// have the names of their types.
func queryName(f reflect.StructField) string {
	if name, ok := memberNames[f.Name]; ok {
		return name
	}
	if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
		return f.Type.Elem().Name()
	}
	return f.Name
}

// keyName returns the name of the key in the pairs of a map.
func keyName(member string) string {
	if member == "Tag" {
		return "Key"
	}
	return "Name"
}
