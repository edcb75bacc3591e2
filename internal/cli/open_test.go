package cli

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/api"
)

// TestOpen: the link of errand open, and the one that errand local prints, sign in once,
// with a token that errand token lists and revokes.
func TestOpen(t *testing.T) {
	data := t.TempDir()
	p := launchLocal(t, data, "--agents", "0")
	signIn := func(link string) (api.Session, error) {
		u, err := url.Parse(strings.TrimSpace(link))
		if err != nil || u.Scheme+"://"+u.Host != p.first || u.Path != "/" || u.RawQuery != "" {
			t.Fatalf("link %q, %v", link, err)
		}
		q, err := url.ParseQuery(u.Fragment)
		if err != nil {
			t.Fatal(err)
		}
		return newClient(p.first, "").StartSession(t.Context(), q.Get("code"))
	}
	at := func(args ...string) string {
		t.Helper()
		code, out, errs := errandAt(t, p.first, data, args...)
		if code != 0 {
			t.Fatalf("%v: %d %s", args, code, errs)
		}
		return out
	}
	p.stderr.wait(t, "errand open makes another")
	started := regexp.MustCompile(`web page, signed in: (\S+)`).FindStringSubmatch(p.stderr.String())
	if started == nil {
		t.Fatalf("no link in %s", p.stderr.String())
	}
	var sessions []api.Session
	for _, link := range []string{started[1], at("open"), at("open", "--print")} {
		s, err := signIn(link)
		if err != nil || s.Role != errand.RoleUser || s.Owner != localOwner || !strings.HasPrefix(s.Token, "ers_") {
			t.Fatalf("%s: %+v, %v", link, s, err)
		}
		sessions = append(sessions, s)
		if _, err := signIn(link); api.CodeOf(err) != errand.CodeUnauthenticated {
			t.Errorf("the link again: %v", err)
		}
	}
	var list api.TokenList
	if err := json.Unmarshal([]byte(at("token", "list", "--json")), &list); err != nil || len(list.Tokens) != 6 {
		t.Fatalf("tokens %+v, %v", list, err)
	}
	table := at("token", "list")
	if n := strings.Count(table, "\tsession\t"); n != 3 || !strings.Contains(table, "permanent, this one\tlocal\tuser") {
		t.Errorf("table:\n%s", table)
	}
	works := func(s api.Session) bool {
		_, err := newClient(p.first, s.Token).Queues(t.Context())
		return err == nil
	}
	at("token", "revoke", sessions[0].ID[:12])
	if works(sessions[0]) || !works(sessions[1]) {
		t.Error("revoke named another session")
	}
	if code, _, errs := errandAt(t, p.first, data, "token", "revoke", list.Tokens[5].ID[:12]); code == 0 || !strings.Contains(errs, "permanent token") {
		t.Errorf("a permanent token: %d %s", code, errs)
	}
	at("token", "revoke", "--all")
	if works(sessions[1]) || works(sessions[2]) {
		t.Error("a session is left after revoke --all")
	}
	if code, _, errs := errandAt(t, p.first, data, "token", "revoke", "--all"); code != 0 || !strings.Contains(errs, "no browser is signed in") {
		t.Errorf("revoke --all again: %d %s", code, errs)
	}
}

// TestOpenSessionsSurviveRestart: the tokens that a start revokes are not the sessions of
// those that stay.
func TestOpenSessionsSurviveRestart(t *testing.T) {
	data := t.TempDir()
	p := launchLocal(t, data, "--agents", "0")
	_, link, _ := errandAt(t, p.first, data, "open")
	_, code, _ := strings.Cut(strings.TrimSpace(link), "#code=")
	s, err := newClient(p.first, "").StartSession(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	p.interrupt()
	p.wait()
	p = launchLocal(t, data, "--agents", "0")
	if _, err := newClient(p.first, s.Token).Queues(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPageURL: a server without a page is said to have none.
func TestPageURL(t *testing.T) {
	c := &api.Client{BaseURL: "https://api.example"}
	for page, want := range map[string]string{"/": "https://api.example", "https://page.example": "https://page.example", "": "", "javascript:alert(1)": ""} {
		got, err := pageURL(c, &api.SessionCode{Page: page})
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, %v", page, got, err)
		}
	}
}
