// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_SSESpecification.html

package dynamodb

import (
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// SSESpecification chooses the key that encrypts a table. It is described, and has no
// other effect: there is no KMS here.
type SSESpecification struct {
	Enabled        *bool
	SSEType        string  `aws:"enum=AES256 KMS"`
	KMSMasterKeyID *string `json:"KMSMasterKeyId"`
}

// SSEDescription is the encryption of a table with a key of KMS. Other tables have
// none.
type SSEDescription struct {
	Status          string
	SSEType         string
	KMSMasterKeyArn string
}

func (s *SSESpecification) enabled() bool { return s != nil && s.Enabled != nil && *s.Enabled }

func (s *SSESpecification) check() error {
	switch {
	case s == nil:
		return nil
	case !s.enabled() && s.SSEType != "":
		return invalid(paramsInvalid + "SSEType can not be specified if Enabled is false")
	case !s.enabled() && s.KMSMasterKeyID != nil:
		return invalid(paramsInvalid + "KMSMasterKeyId can not be specified if Enabled is false")
	case s.SSEType == "AES256":
		return invalid(paramsInvalid + "SSEType AES256 is not supported")
	case s.KMSMasterKeyID != nil && s.SSEType == "":
		return invalid(paramsInvalid + "SSEType KMS is required if KMSMasterKeyId is specified")
	}
	return nil
}

// describe returns the encryption that s asks for; nil for AWS's own key.
func (s *SSESpecification) describe(region string) *SSEDescription {
	if !s.enabled() {
		return nil
	}
	key := "alias/aws/dynamodb"
	if s.KMSMasterKeyID != nil {
		key = *s.KMSMasterKeyID
	}
	return &SSEDescription{Status: "ENABLED", SSEType: "KMS", KMSMasterKeyArn: keyARN(region, key)}
}

// keyARN returns the ARN of a key that is named by ARN, ID or alias. As there is no
// KMS, an alias stands for its key.
func keyARN(region, key string) string {
	if strings.HasPrefix(key, "arn:") {
		return key
	}
	if !strings.HasPrefix(key, "alias/") {
		key = "key/" + key
	}
	return "arn:aws:kms:" + region + ":" + awswire.Account + ":" + key
}

// checkChange fails if s doesn't change the encryption of a table.
func (s *SSESpecification) checkChange(region string, have *SSEDescription) error {
	if s == nil {
		return nil
	}
	switch want := s.describe(region); {
	case want == nil && have == nil:
		return invalid(paramsInvalid + "Table is already encrypted by default")
	case want != nil && have != nil && want.KMSMasterKeyArn == have.KMSMasterKeyArn:
		return invalid(paramsInvalid + "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key")
	}
	return nil
}
