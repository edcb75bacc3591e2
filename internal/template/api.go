package template

import (
	"slices"
	"strings"
	"time"
)

// readAPI reads an AWS::Serverless::HttpApi, with Globals.HttpApi as defaults. Its
// routes come from the functions' events.
func readAPI(e *evaluator, r *resource, name string, p *props, t *Template) error {
	if err := mergeGlobals(e, e.doc.apiDefaults, p); err != nil {
		return err
	}
	p.ignore("AccessLogSettings", "DefaultRouteSettings", "Description", "DisableExecuteApiEndpoint", "FailOnWarnings",
		"Name", "RouteSettings", "Tags", "PropagateTags")
	if stage := p.str("StageName", "$default"); stage != "$default" {
		p.fail("StageName", "%q is not supported, only $default", stage)
	}
	a := findAPI(t, r.id, name)
	a.CORS = readCORS(p)
	return p.done()
}

// findAPI returns the API with a logical ID. It adds the API if neither its resource
// nor an event of it has been read yet.
func findAPI(t *Template, logicalID, id string) *API {
	i := slices.IndexFunc(t.APIs, func(a API) bool { return a.ID == id })
	if i < 0 {
		i = len(t.APIs)
		t.APIs = append(t.APIs, API{LogicalID: logicalID, ID: id})
	}
	return &t.APIs[i]
}

// readCORS reads CorsConfiguration: true (allow everything), an origin, or a
// mapping.
func readCORS(p *props) *CORS {
	v, ok := p.get("CorsConfiguration")
	if !ok || v == "false" {
		return nil
	}
	if origin, ok := v.(string); ok {
		if origin == "true" {
			origin = "*"
		}
		return &CORS{AllowOrigins: []string{origin}}
	}
	o := p.object("CorsConfiguration")
	c := &CORS{
		AllowOrigins:     o.strings("AllowOrigins"),
		AllowMethods:     o.strings("AllowMethods"),
		AllowHeaders:     o.strings("AllowHeaders"),
		ExposeHeaders:    o.strings("ExposeHeaders"),
		MaxAge:           time.Duration(o.integer("MaxAge", 0)) * time.Second,
		AllowCredentials: o.boolean("AllowCredentials", false),
	}
	if c.AllowCredentials && slices.Contains(c.AllowOrigins, "*") {
		o.fail("AllowCredentials", "can't be true for the origin *")
	}
	return c
}

var methods = []string{"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}

// readRoute reads an event of type HttpApi. Without path and method it is the API's
// $default route.
func readRoute(e *evaluator, o *props, f *Function, t *Template) {
	o.ignore("RouteSettings")
	if v := o.str("PayloadFormatVersion", "2.0"); v != "2.0" {
		o.fail("PayloadFormatVersion", "%q is not supported, only 2.0", v)
	}
	r := Route{
		Function: f.Name,
		Path:     o.str("Path", "$default"),
		Method:   strings.ToUpper(o.str("Method", "ANY")),
		Timeout:  readTimeout(o),
	}
	if r.Method == "*" || r.Method == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
		r.Method = "ANY"
	}
	switch {
	case r.Path == "$default":
		r.Method = ""
	case !strings.HasPrefix(r.Path, "/"):
		o.fail("Path", "%q doesn't begin with /", r.Path)
	case !slices.Contains(methods, r.Method):
		o.fail("Method", "%q is not supported", r.Method)
	}
	id := o.str("ApiId", e.apiID(implicitAPI))
	addRoute(e, o, t, id, r)
}

func addRoute(e *evaluator, o *props, t *Template, id string, r Route) {
	logical := implicitAPI
	for _, res := range e.doc.resources {
		if name, err := e.name(res); err == nil && res.typ == "AWS::Serverless::HttpApi" && name == id {
			logical = res.id
		}
	}
	if logical == implicitAPI && id != e.apiID(implicitAPI) {
		o.fail("ApiId", "%q is no API of this template", id)
		return
	}
	a := findAPI(t, logical, id)
	if logical == implicitAPI && a.CORS == nil && e.doc.apiDefaults != nil {
		p := newProps("Globals.HttpApi.", map[string]any{})
		if err := mergeGlobals(e, e.doc.apiDefaults, p); err != nil {
			o.fail("ApiId", "%s", err)
		}
		a.CORS = readCORS(p)
	}
	if err := a.add(r); err != nil {
		o.fail("Path", "%s", err)
	}
}
