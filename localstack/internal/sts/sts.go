// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html

// Package sts answers GetCallerIdentity, which tools call to see whether their
// credentials work. STS has no other operation here.
package sts

import (
	"bytes"
	"encoding/xml"
	"net/http"

	"github.com/errandhq/errand/localstack/internal/awswire"
)

// Namespace is the XML namespace of STS.
const Namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

// ServeHTTP serves a request whose signature the caller has checked.
func ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action := awswire.QueryAction(w, r)
	if action != "GetCallerIdentity" {
		err := awswire.Errorf(http.StatusNotImplemented, "UnsupportedOperationException", "operation %s of service sts is not supported", action)
		awswire.WriteQueryError(w, Namespace, err)
		return
	}
	id := awswire.RequestID()
	var b bytes.Buffer
	b.WriteString(xml.Header + `<GetCallerIdentityResponse xmlns="` + Namespace + `"><GetCallerIdentityResult>`)
	awswire.WriteElement(&b, "Arn", "arn:aws:iam::"+awswire.Account+":root")
	awswire.WriteElement(&b, "UserId", awswire.Account) // of the account's root user
	awswire.WriteElement(&b, "Account", awswire.Account)
	b.WriteString(`</GetCallerIdentityResult><ResponseMetadata><RequestId>` + id + `</RequestId></ResponseMetadata></GetCallerIdentityResponse>`)
	w.Header().Set("X-Amzn-Requestid", id)
	awswire.WriteBody(w, http.StatusOK, "text/xml", b.Bytes())
}
