// Package apitest holds the HTTP API's traffic against docs/openapi.yaml.
package apitest
