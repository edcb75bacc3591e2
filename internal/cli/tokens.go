package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/errandhq/errand"
	"github.com/errandhq/errand/internal/control"
)

// localOwner owns the jobs and workers of a local server's own tokens.
const localOwner = "local"

// localTokens are a local server's tokens, by role. They stand in files of its
// data directory, which only its user can read.
type localTokens map[errand.Role]string

var tokenFiles = []struct {
	role errand.Role
	file string
}{{errand.RoleUser, userTokenFile}, {errand.RoleAgent, agentTokenFile}, {errand.RoleAdmin, adminTokenFile}}

// openTokens reads the tokens, and makes those that aren't there.
func openTokens(dir string) (localTokens, error) {
	tokens := localTokens{}
	for _, t := range tokenFiles {
		file := filepath.Join(dir, t.file)
		token, err := readToken(file)
		if errors.Is(err, fs.ErrNotExist) {
			token = errand.NewToken(t.role, "")
			err = writeFile(file, token+"\n")
		}
		if err != nil {
			return nil, err
		}
		tokens[t.role] = token
	}
	return tokens, nil
}

func (t localTokens) user() string { return t[errand.RoleUser] }

// grant makes the tokens known to the server. It does so at each start: a new
// store doesn't know the tokens of an old directory.
func (t localTokens) grant(ctx context.Context, svc *control.Service) error {
	for _, f := range tokenFiles {
		if err := grantToken(ctx, svc, t[f.role], f.role); err != nil {
			return fmt.Errorf("grant %s: %w", f.file, err)
		}
	}
	return nil
}

// grantToken tries for a while: a store that is throttled is no reason not to
// start.
func grantToken(ctx context.Context, svc *control.Service, token string, role errand.Role) error {
	ctx, cancel := context.WithTimeout(ctx, firstContact.time)
	defer cancel()
	for wait := (backoff{}); ; {
		err := svc.GrantToken(ctx, token, role, localOwner, nil)
		if errand.CodeOf(err) != errand.CodeUnavailable || wait.sleep(ctx, 0) != nil {
			return err
		}
	}
}

// writeFile writes a file that only the user can read, whole or not at all.
func writeFile(name, content string) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails once it is renamed
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name) // CreateTemp made it 0600
}
