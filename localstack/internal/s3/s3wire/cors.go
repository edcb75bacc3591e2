// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html

package s3wire

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/s3"
)

// As in S3, a bucket without CORS rules allows no web page of another origin. An
// emulator that did would hide the missing rules until deployment.

type corsConfiguration struct {
	XMLName xml.Name   `xml:"CORSConfiguration"`
	Xmlns   string     `xml:"xmlns,attr,omitempty"`
	Rules   []corsRule `xml:"CORSRule"`
}

type corsRule struct {
	ID             string   `xml:",omitempty"`
	AllowedOrigins []string `xml:"AllowedOrigin"`
	AllowedMethods []string `xml:"AllowedMethod"`
	AllowedHeaders []string `xml:"AllowedHeader"`
	ExposeHeaders  []string `xml:"ExposeHeader"`
	MaxAgeSeconds  int      `xml:",omitempty"`
}

var corsMethods = []string{"GET", "PUT", "HEAD", "POST", "DELETE"}

func (c *request) putBucketCORS() error {
	var in corsConfiguration
	if err := c.readXML(&in); err != nil {
		return err
	}
	if len(in.Rules) == 0 || len(in.Rules) > 100 {
		return malformedXML()
	}
	var rules []s3.CORSRule
	for _, r := range in.Rules {
		if len(r.AllowedMethods) == 0 || len(r.AllowedOrigins) == 0 {
			return malformedXML()
		}
		for _, m := range r.AllowedMethods {
			if !slices.Contains(corsMethods, m) {
				return invalidRequest("Found unsupported HTTP method in CORS config. Unsupported method is " + m)
			}
		}
		for _, p := range slices.Concat(r.AllowedOrigins, r.AllowedHeaders) {
			if strings.Count(p, "*") > 1 {
				return invalidRequest(`AllowedOrigin or AllowedHeader "` + p + `" can not have more than one wildcard.`)
			}
		}
		rules = append(rules, s3.CORSRule(r))
	}
	return c.respond(c.engine.PutBucketCORS(c.bucket, rules), http.StatusOK)
}

// respond answers an operation that has no output.
func (c *request) respond(err error, status int) error {
	if err == nil {
		c.w.WriteHeader(status)
	}
	return err
}

func (c *request) getBucketCORS() error {
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	if len(b.CORS) == 0 {
		return c.notFound("NoSuchCORSConfiguration", "The CORS configuration does not exist")
	}
	out := corsConfiguration{Xmlns: xmlns}
	for _, r := range b.CORS {
		out.Rules = append(out.Rules, corsRule(r))
	}
	return c.writeXML(http.StatusOK, out)
}

func (c *request) deleteBucketCORS() error {
	return c.respond(c.engine.PutBucketCORS(c.bucket, nil), http.StatusNoContent)
}

// preflight answers a browser's preflight request.
func (c *request) preflight() error {
	h := c.r.Header
	origin, method := h.Get("Origin"), h.Get("Access-Control-Request-Method")
	if origin == "" || method == "" {
		return awswire.Errorf(http.StatusBadRequest, "BadRequest", "Insufficient information. Origin request header needed.")
	}
	b, err := c.engine.Bucket(c.bucket)
	if err != nil {
		return err
	}
	asked := []string{}
	for name := range strings.SplitSeq(h.Get("Access-Control-Request-Headers"), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			asked = append(asked, name)
		}
	}
	rule := b.AllowCORS(origin, method, asked)
	if rule == nil {
		message := "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
		if len(b.CORS) == 0 {
			message = "CORSResponse: CORS is not enabled for this bucket."
		}
		e := awswire.Errorf(http.StatusForbidden, "AccessForbidden", "%s", message)
		e.Fields = map[string]any{"Method": method, "ResourceType": "OBJECT"}
		return e
	}
	c.setCORSHeaders(rule, origin)
	if len(asked) > 0 {
		c.w.Header().Set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

// setCORSHeadersForOrigin allows a browser to read the response.
func (c *request) setCORSHeadersForOrigin() {
	origin := c.r.Header.Get("Origin")
	if origin == "" || c.bucket == "" {
		return
	}
	if b, err := c.engine.Bucket(c.bucket); err == nil {
		if rule := b.AllowCORS(origin, c.r.Method, nil); rule != nil {
			c.setCORSHeaders(rule, origin)
		}
	}
}

func (c *request) setCORSHeaders(r *s3.CORSRule, origin string) {
	h := c.w.Header()
	if slices.Contains(r.AllowedOrigins, "*") {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(r.AllowedMethods, ", "))
	if len(r.ExposeHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(r.ExposeHeaders, ", "))
	}
	if r.MaxAgeSeconds > 0 {
		h.Set("Access-Control-Max-Age", strconv.Itoa(r.MaxAgeSeconds))
	}
	h.Set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
}
