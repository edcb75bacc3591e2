package localstack

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const credentialsFile = "aws-credentials.json"

type credentialsJSON struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// loadCredentials reads dir's access key, and makes one the first time.
func loadCredentials(files vfs.FS, dir string) (Credentials, error) {
	name := filepath.Join(dir, credentialsFile)
	var c credentialsJSON
	b, err := readFile(files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c = newCredentials()
		if err := writeCredentials(files, name, c); err != nil {
			return Credentials{}, fmt.Errorf("write %s: %w", name, err)
		}
	case err != nil:
		return Credentials{}, fmt.Errorf("read the AWS credentials: %w", err)
	default:
		if err := json.Unmarshal(b, &c); err != nil || c.AccessKeyID == "" || c.SecretAccessKey == "" {
			return Credentials{}, fmt.Errorf("%s is damaged: delete it to get a new key", name)
		}
	}
	return Credentials(c), nil
}

// newCredentials makes a key in the form of AWS's: 20 and 40 characters.
func newCredentials() credentialsJSON {
	var b [40]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program first
	return credentialsJSON{
		AccessKeyID:     "LKIA" + base32.StdEncoding.EncodeToString(b[:10]),
		SecretAccessKey: base64.RawURLEncoding.EncodeToString(b[10:]),
	}
}

func readFile(files vfs.FS, name string) ([]byte, error) {
	if files == nil {
		return os.ReadFile(name)
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// writeCredentials writes a temporary file and renames it, so that the file is
// whole or absent whatever happens. Nobody else may read it.
func writeCredentials(files vfs.FS, name string, c credentialsJSON) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	temp := name + ".tmp"
	f, err := createPrivate(files, temp)
	if err != nil {
		return err
	}
	if files == nil {
		files = vfs.Default
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := files.Rename(temp, name); err != nil {
		return err
	}
	dir, err := files.OpenDir(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// file is what vfs.File and *os.File share.
type file interface {
	io.WriteCloser
	Sync() error
}

// createPrivate creates a file of mode 0600, which a vfs.FS can't do: on the
// operating system's files it isn't used.
func createPrivate(files vfs.FS, name string) (file, error) {
	if files != nil {
		return files.Create(name, vfs.WriteCategoryUnspecified)
	}
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}
