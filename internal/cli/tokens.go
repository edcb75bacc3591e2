package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/durable"
)

// localOwner owns the jobs and workers of a local server's own tokens.
const localOwner = "local"

// localTokens are a local server's tokens, by role. They are kept in files in its
// data directory that only the user can read.
type localTokens map[errand.Role]string

var tokenFiles = []struct {
	role errand.Role
	file string
}{{errand.RoleUser, userTokenFile}, {errand.RoleAgent, agentTokenFile}, {errand.RoleAdmin, adminTokenFile}}

// openTokens reads the tokens, and creates those that are missing.
func openTokens(fsys durable.FS, dir string) (localTokens, error) {
	tokens := localTokens{}
	for _, t := range tokenFiles {
		file := filepath.Join(dir, t.file)
		token, err := readToken(fsys, file)
		if errors.Is(err, fs.ErrNotExist) {
			token = errand.NewToken(t.role, "")
			err = durable.WriteFile(fsys, file, []byte(token+"\n"), 0o600)
		}
		if err != nil {
			return nil, err
		}
		tokens[t.role] = token
	}
	return tokens, nil
}

func (t localTokens) user() string { return t[errand.RoleUser] }

// grant stores the tokens at each start: a new store doesn't know the tokens of
// an old directory.
func (t localTokens) grant(ctx context.Context, svc *control.Service) error {
	for _, f := range tokenFiles {
		if err := grantToken(ctx, svc, t[f.role], f.role); err != nil {
			return fmt.Errorf("grant %s: %w", f.file, err)
		}
	}
	return nil
}

// grantToken stores a token. It retries, so that a throttled store doesn't fail
// the start.
func grantToken(ctx context.Context, svc *control.Service, token string, role errand.Role) error {
	ctx, cancel := context.WithTimeout(ctx, retryFirst.duration)
	defer cancel()
	for failures := 1; ; failures++ {
		err := svc.GrantToken(ctx, token, role, localOwner, nil)
		if errand.CodeOf(err) != errand.CodeUnavailable || waitForRetry(ctx, failures, 0) != nil {
			return err
		}
	}
}
