package localstack

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/errandhq/errand/internal/durable"
)

const credentialsFile = "aws-credentials.json"

type credentialsJSON struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// loadCredentials reads the access key in dir, and creates it the first time.
func loadCredentials(files durable.FS, dir string) (Credentials, error) {
	name := files.PathJoin(dir, credentialsFile)
	var c credentialsJSON
	b, err := files.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c = newCredentials()
		b, err := json.MarshalIndent(c, "", "  ")
		if err == nil {
			err = durable.WriteFile(files, name, append(b, '\n'), 0o600)
		}
		if err != nil {
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

// newCredentials returns a random key in AWS's form: 20 and 40 characters.
func newCredentials() credentialsJSON {
	var b [40]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program first
	return credentialsJSON{
		AccessKeyID:     "LKIA" + base32.StdEncoding.EncodeToString(b[:10]),
		SecretAccessKey: base64.RawURLEncoding.EncodeToString(b[10:]),
	}
}
