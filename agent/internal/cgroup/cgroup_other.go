//go:build !linux

package cgroup

import (
	"fmt"
	"os"
	"runtime"

	"github.com/errandhq/errand"
)

// A Tree is a delegated group.
type Tree string

// Open fails: other systems have no control groups.
func Open(func(string) string) (Tree, error) {
	return "", fmt.Errorf("%w: %s has no control groups", ErrUnsupported, runtime.GOOS)
}

// Create fails.
func (t Tree) Create(string, errand.Limits) (*Group, error) { return nil, ErrUnsupported }

// Remove does nothing.
func (t Tree) Remove(string) error { return nil }

// RemoveOthers does nothing.
func (t Tree) RemoveOthers(string, func(string) bool) error { return nil }

// A Group has the processes of one attempt.
type Group struct{}

// Dir is nil.
func (g *Group) Dir() *os.File { return nil }

// OutOfMemory is false.
func (g *Group) OutOfMemory() bool { return false }

// Close does nothing.
func (g *Group) Close() error { return nil }
