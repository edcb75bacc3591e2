package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
	"github.com/errandhq/errand/internal/durable"
	"github.com/errandhq/errand/internal/terminal"
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

// openTokens reads the tokens, and creates those that are missing. It fails if a
// file has anything but one token of its role: a part of one could be guessed.
func openTokens(fsys durable.FS, dir string) (localTokens, error) {
	tokens := localTokens{}
	for _, t := range tokenFiles {
		file := fsys.PathJoin(dir, t.file)
		token, err := readToken(fsys, file)
		if errors.Is(err, fs.ErrNotExist) {
			token = errand.NewToken(t.role, "")
			err = durable.WriteFile(fsys, file, []byte(token+"\n"), 0o600)
		}
		role, _ := errand.RoleOfToken(token)
		if err == nil && role != t.role {
			err = fmt.Errorf("%s does not contain the token of role %s that errand local wrote there", file, t.role)
		}
		if err != nil {
			return nil, terminal.WithHint(err, "delete the file to get a new token, and give that to those who use the old one")
		}
		tokens[t.role] = token
	}
	return tokens, nil
}

func (t localTokens) user() string { return t[errand.RoleUser] }

// grant stores the tokens at each start, since a new store doesn't know the tokens
// of an old directory, and revokes those whose files were replaced.
func (t localTokens) grant(ctx context.Context, svc *control.Service) error {
	var current []string
	for _, f := range tokenFiles {
		current = append(current, t[f.role])
		err := retryStore(ctx, func(ctx context.Context) error { return svc.GrantToken(ctx, t[f.role], f.role, localOwner, nil) })
		if err != nil {
			return fmt.Errorf("grant %s: %w", f.file, err)
		}
	}
	err := retryStore(ctx, func(ctx context.Context) error { return svc.RevokeTokens(ctx, localOwner, current) })
	if err != nil {
		return fmt.Errorf("revoke replaced tokens: %w", err)
	}
	return nil
}

// retryStore repeats call while the store is not available, so that a throttled
// store doesn't fail the start.
func retryStore(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, retryFirst.duration)
	defer cancel()
	for failures := 1; ; failures++ {
		err := call(ctx)
		if errand.CodeOf(err) != errand.CodeUnavailable || waitForRetry(ctx, failures, 0) != nil {
			return err
		}
	}
}
