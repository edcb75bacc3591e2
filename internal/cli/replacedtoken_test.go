package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/terminal"
)

// TestReplacedToken: a file with something else than a whole token ends the start.
// Another token in it revokes the one before.
func TestReplacedToken(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	log := terminal.New(t.Output(), t.Output(), os.Getenv).NewQuietLog()
	f := localFlags{listenFlags: listenFlags{addr: "127.0.0.1:0"}, dataDir: data}
	serve := func(try func(*localServer)) error {
		s, err := startLocal(t.Context(), f, nil, log)
		if err != nil {
			return err
		}
		defer func() {
			if err := s.close(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		try(s)
		return nil
	}
	status := func(s *localServer, token string) int {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/jobs", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	var old, user string
	if err := serve(func(s *localServer) { old, user = s.tokens[errand.RoleAdmin], s.tokens[errand.RoleUser] }); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(data, adminTokenFile)
	write := func(content string) {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a\n")
	err := serve(func(s *localServer) { t.Errorf("the server started, and answers %d to a", status(s, "a")) })
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a short token: %v", err)
	}
	replaced := errand.NewToken(errand.RoleAdmin, "")
	write(replaced)
	err = serve(func(s *localServer) {
		for token, want := range map[string]int{old: 401, replaced: 200, user: 200} {
			if got := status(s, token); got != want {
				t.Errorf("token %.6s…: %d, want %d", token, got, want)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
