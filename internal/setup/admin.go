package setup

import (
	"context"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// AdminOwner owns what the token of ERRAND_ADMIN_TOKEN_HASH makes.
const AdminOwner = "admin"

// adminStore knows one token more than its Store: the one whose hash the
// operator deployed, so that a new stack has an admin before its table has.
type adminStore struct {
	control.Store
	hash string
}

// Token implements control.TokenStore.
func (s adminStore) Token(ctx context.Context, hash string) (*errand.Token, error) {
	if hash == s.hash {
		return &errand.Token{Hash: hash, Role: errand.RoleAdmin, Owner: AdminOwner}, nil
	}
	return s.Store.Token(ctx, hash)
}
