package api

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/version"
)

// checkOrigin refuses what a browser sends on behalf of another site's page:
// a foreign Origin, or a Host that isn't ours (DNS rebinding).
func (s *server) checkOrigin(r *http.Request) error {
	if !s.hostAllowed(r.Host) {
		return errand.Errorf(errand.CodeOriginDenied, "this server does not accept requests for the host %q; its operator can allow it", cut(r.Host))
	}
	for _, origin := range r.Header.Values("Origin") {
		if s.PageOrigin != "/" && origin == s.PageOrigin {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || hostPort(u.Host, u.Scheme) != hostPort(r.Host, u.Scheme) {
			return errand.Errorf(errand.CodeOriginDenied, "requests from pages of %q are not allowed", cut(origin))
		}
	}
	return nil
}

func (s *server) hostAllowed(host string) bool {
	name := HostName(host)
	return len(s.Hosts) == 0 || loopback(name) ||
		slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(HostName(h), name) })
}

// HostName is the name or address in a Host header or a flag, without its port.
func HostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// hostPort is host with the port that scheme implies, so that both ways to
// write an address are equal.
func hostPort(host, scheme string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return strings.ToLower(host)
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(HostName(host), port)
}

func loopback(name string) bool {
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// origin is how the caller addressed us. The header is the gateway's word; a
// caller who forges it gets addresses that only he can't use.
func origin(r *http.Request) string {
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// versionHeader has the server's version; callers without a token don't learn it.
const versionHeader = "Errand-Version"

// authenticate finds out who bears the token.
func authenticate(svc *control.Service, w http.ResponseWriter, r *http.Request) (control.Caller, error) {
	token, ok := bearer(r.Header.Values("Authorization"))
	if !ok {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return control.Caller{}, errand.Errorf(errand.CodeUnauthenticated, "send a token: Authorization: Bearer <token>")
	}
	p, err := svc.Authenticate(r.Context(), token)
	if errand.CodeOf(err) == errand.CodeUnauthenticated {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
	}
	if err == nil {
		w.Header().Set(versionHeader, version.Release)
	}
	return control.Caller{Principal: p, Origin: origin(r)}, err
}

// RequireAdmin serves next to requests with an admin's token, and a problem to others.
func RequireAdmin(svc *control.Service, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := authenticate(svc, w, r)
		if err == nil && caller.Role != errand.RoleAdmin {
			err = errand.Errorf(errand.CodeForbidden, "%s requires an admin's token", r.URL.Path)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bearer is the token in the one Authorization header.
func bearer(headers []string) (token string, ok bool) {
	if len(headers) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	token = strings.Trim(token, " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != "" && len(token) <= maxTokenBytes
}

// maxTokenBytes bounds what is hashed of a stranger's header.
const maxTokenBytes = 512

// roleTokens are the roles' tokens, as messages name them.
var roleTokens = map[errand.Role]string{
	errand.RoleUser:   "a user's token (eru_…)",
	errand.RoleAgent:  "an agent's token (era_…)",
	errand.RoleWorker: "the worker's own token (erw_…)",
	errand.RoleAdmin:  "an admin's token (erd_…)",
}

func (r Route) permit(role errand.Role) error {
	if slices.Contains(r.roles, role) {
		return nil
	}
	names := make([]string, len(r.roles))
	for i, role := range r.roles {
		names[i] = roleTokens[role]
	}
	return errand.Errorf(errand.CodeForbidden, "%s %s needs %s; this is %s", r.Method, r.Path, strings.Join(names, " or "), roleTokens[role])
}

// ownWorker makes sure that the worker named is the one whose token it is.
func (c *request) ownWorker(id string) error {
	if id != c.caller.WorkerID {
		return &errand.Error{Code: errand.CodeWorkerNotFound, Field: "workerId", Message: "workerId isn't the worker whose token this is"}
	}
	return nil
}

// cut shortens what a stranger wrote, for a message.
func cut(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return s
}
