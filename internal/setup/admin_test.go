package setup

import (
	"context"
	"testing"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// noTokens is a table with none.
type noTokens struct{ control.Store }

func (noTokens) Token(context.Context, string) (*errand.Token, error) {
	return nil, control.ErrNotFound
}

func TestAdminToken(t *testing.T) {
	svc := control.NewService(control.Config{Store: adminStore{noTokens{}, errand.HashToken("erd_first")}})
	p, err := svc.Authenticate(t.Context(), "erd_first")
	if err != nil || p.Role != errand.RoleAdmin || p.Owner != AdminOwner {
		t.Errorf("principal %+v, %v", p, err)
	}
	for _, token := range []string{"erd_second", "", errand.HashToken("erd_first")} {
		if _, err := svc.Authenticate(t.Context(), token); errand.CodeOf(err) != errand.CodeUnauthenticated {
			t.Errorf("%q: %v", token, err)
		}
	}
}
