// Package integration runs the product's adapters, and the whole flow above
// them, against an AWS: the embedded stack, always; the stack's own image and
// LocalStack's, by `make test-integration`; and whatever AWS_ENDPOINT_URL names.
//
// It makes what template.yaml names under names of its own, and removes it.
package integration
