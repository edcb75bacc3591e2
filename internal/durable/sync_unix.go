//go:build unix

package durable

import "os"

// SyncDir makes the names in a directory permanent.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
