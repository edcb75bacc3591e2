package awswire

// ErrorType returns the type of an error in the AWS JSON protocols: its code in
// the namespace of the service ("com.amazonaws.sqs#"), or of the framework that
// all services share.
//
// https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html#operation-error-serialization
func ErrorType(service, code string) string {
	if namespace, ok := commonErrors[code]; ok {
		return namespace + code
	}
	return service + code
}

// commonErrors are the namespaces of errors that don't belong to one service.
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
var commonErrors = map[string]string{
	"ValidationException":       "com.amazon.coral.validate#",
	"SerializationException":    "com.amazon.coral.service#",
	"UnknownOperationException": "com.amazon.coral.service#",
	"AccessDeniedException":     "com.amazon.coral.service#",

	"MissingAuthenticationTokenException": "com.amazon.coral.service#",
	"IncompleteSignatureException":        "com.amazon.coral.service#",
	"InvalidSignatureException":           "com.amazon.coral.service#",
	"UnrecognizedClientException":         "com.amazon.coral.service#",
}
