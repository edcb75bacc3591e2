// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html

package sqs

import (
	"crypto/md5" // the protocol's checksum, not a secret's
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// AWS's limits of messages.
const (
	maxBatchBytes    = 1_048_576
	maxBatchEntries  = 10
	maxAttributes    = 10
	maxAttributeName = 256
	maxDelay         = 900
)

const badCharacters = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"

// validText reports whether SQS accepts all characters of s.
func validText(s string) bool {
	if !utf8.ValidString(s) { // surrogates aren't, either
		return false
	}
	for _, r := range s {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return true
}

// sizeOf returns the size of body and attributes, which the limits are about.
func sizeOf(m SendMessageBatchRequestEntry) int {
	n := len(m.MessageBody)
	for name, a := range m.MessageAttributes {
		n += len(name) + len(a.DataType) + len(a.BinaryValue)
		if a.StringValue != nil {
			n += len(*a.StringValue)
		}
	}
	return n
}

// checkMessage checks what doesn't depend on the queue.
func checkMessage(m SendMessageBatchRequestEntry) error {
	if m.MessageBody == "" {
		return errMissing("MessageBody")
	}
	if !validText(m.MessageBody) {
		return errorf(codeInvalidContents, badCharacters)
	}
	if err := checkMessageAttributes(m.MessageAttributes); err != nil {
		return err
	}
	if err := checkSystemAttributes(m.MessageSystemAttributes); err != nil {
		return err
	}
	if m.DelaySeconds != nil && (*m.DelaySeconds < 0 || *m.DelaySeconds > maxDelay) {
		return errValue(*m.DelaySeconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	}
	if err := checkID(m.MessageDeduplicationId, "MessageDeduplicationId"); err != nil {
		return err
	}
	return checkID(m.MessageGroupId, "MessageGroupId")
}

// checkID checks a group, deduplication or receive attempt ID.
func checkID(id *string, parameter string) error {
	if id == nil || len(*id) >= 1 && len(*id) <= 128 && isPrintable(*id) {
		return nil
	}
	return errValue(*id, parameter, parameter+" can only include alphanumeric and punctuation characters. 1 to 128 in length.")
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

func checkMessageAttributes(attributes map[string]MessageAttributeValue) error {
	if len(attributes) > maxAttributes {
		return errorf(codeInvalidParameter, "Number of message attributes [%d] exceeds the allowed maximum [%d].", len(attributes), maxAttributes)
	}
	for _, name := range sortedNames(attributes) {
		if err := checkAttributeName(name); err != nil {
			return err
		}
		if err := checkAttributeValue(name, attributes[name]); err != nil {
			return err
		}
	}
	return nil
}

func sortedNames(attributes map[string]MessageAttributeValue) []string {
	return slices.Sorted(maps.Keys(attributes))
}

func checkAttributeName(name string) error {
	if name == "" || len(name) > maxAttributeName {
		return errorf(codeInvalidParameter, "Message (user) attribute names must be shorter than 256 Bytes")
	}
	bad := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' ||
			r == '_' || r == '-' || r == '.' || r >= 0xC0 && r <= 0x17F)
	}
	if strings.ContainsFunc(name, bad) {
		return errorf(codeInvalidParameter, "Message (user) attributes name can only contain upper and lower score characters, digits, periods, hyphens and underscores. ")
	}
	lower := strings.ToLower(name)
	if strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") {
		return errorf(codeInvalidParameter, "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal use. Additionally, they cannot start or end with '.'.")
	}
	return nil
}

func checkAttributeValue(name string, a MessageAttributeValue) error {
	kind, _, _ := strings.Cut(a.DataType, ".")
	switch {
	case a.DataType == "":
		return errorf(codeInvalidParameter, "The message attribute '%s' must contain non-empty message attribute type.", name)
	case kind != "String" && kind != "Number" && kind != "Binary":
		return errorf(codeInvalidParameter, "The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name)
	case len(a.DataType) > maxAttributeName:
		return errorf(codeInvalidParameter, "Message (user) attribute types must be shorter than 256 Bytes")
	case len(a.StringListValues) > 0 || len(a.BinaryListValues) > 0:
		return errorf(codeUnsupported, "Message attribute list values in SendMessage operation are not supported.")
	case kind == "Binary" && len(a.BinaryValue) == 0, kind != "Binary" && (a.StringValue == nil || *a.StringValue == ""):
		return errorf(codeInvalidParameter, "Message (user) attribute '%s' must contain a non-empty value of type '%s'.", name, kind)
	case a.StringValue != nil && !validText(*a.StringValue):
		return errorf(codeInvalidParameter, badCharacters)
	case kind == "Number" && !isNumber(*a.StringValue):
		return errorf(codeInvalidParameter, "Can't cast the value of message (user) attribute '%s' to a number.", name)
	}
	return nil
}

// isNumber reports whether s is a decimal number, perhaps with an exponent.
func isNumber(s string) bool {
	s = strings.TrimLeft(s, "+-")
	mantissa, exponent, has := strings.Cut(strings.ToLower(s), "e")
	if has && !isDigits(strings.TrimLeft(exponent, "+-")) {
		return false
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	return isDigits(whole + fraction)
}

func isDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func checkSystemAttributes(attributes map[string]MessageAttributeValue) error {
	for _, name := range sortedNames(attributes) {
		a := attributes[name]
		if name != "AWSTraceHeader" {
			return errorf(codeInvalidParameter, "Message system attribute name '%s' is invalid.", name)
		}
		if a.DataType != "String" || a.StringValue == nil || *a.StringValue == "" {
			return errorf(codeInvalidParameter, "Message (system) attribute '%s' must contain a non-empty value of type 'String'.", name)
		}
	}
	return nil
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// attributesMD5 returns the digest that clients check; "" without attributes. See
// "Calculating the MD5 message digest for message attributes" on the second page
// at the top of this file.
func attributesMD5(attributes map[string]MessageAttributeValue) string {
	if len(attributes) == 0 {
		return ""
	}
	h := md5.New()
	field := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
		h.Write(b)
	}
	for _, name := range sortedNames(attributes) {
		a := attributes[name]
		field([]byte(name))
		field([]byte(a.DataType))
		if strings.HasPrefix(a.DataType, "Binary") {
			h.Write([]byte{2})
			field(a.BinaryValue)
			continue
		}
		h.Write([]byte{1})
		if a.StringValue != nil {
			field([]byte(*a.StringValue))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
