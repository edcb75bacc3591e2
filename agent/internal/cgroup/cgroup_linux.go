package cgroup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/errandhq/errand"
)

// A Tree is a delegated group: the path of its directory.
type Tree string

// The names of groups in a Tree.
const (
	agentName = "agent"
	jobPrefix = "job-"
)

// controllers are those that limits need.
var controllers = []string{"cpu", "memory", "pids"}

// Open finds the group that is delegated to this process, moves the process into the
// group agent in it, and enables the controllers. getenv is os.Getenv. Errors:
// ErrUnsupported.
func Open(getenv func(string) string) (Tree, error) {
	own, err := ownGroup()
	if err != nil {
		return "", unsupported(err)
	}
	if filepath.Base(own) == agentName { // moved before, or by systemd's DelegateSubgroup
		tree := Tree(filepath.Dir(own))
		return tree, unsupported(tree.enable())
	}
	if getenv("INVOCATION_ID") != "" {
		// systemd could not put the unit's next process into a group with controllers.
		return "", unsupported(errors.New("the systemd unit needs Delegate=yes and DelegateSubgroup=agent, of systemd 254"))
	}
	tree := Tree(own)
	return tree, unsupported(tree.enter())
}

func unsupported(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnsupported, err)
}

// ownGroup returns the directory of this process's group.
func ownGroup() (string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			mount, root, err := mountPoint()
			if err != nil {
				return "", err
			}
			below, err := filepath.Rel(root, path)
			if err != nil || below == ".." || strings.HasPrefix(below, "../") {
				return "", fmt.Errorf("the control group %s is not mounted", path)
			}
			return filepath.Join(mount, below), nil
		}
	}
	return "", errors.New("the system has no cgroup version 2")
}

// mountPoint returns where cgroup version 2 is mounted, and which group that is.
//
// https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
func mountPoint() (dir, root string, err error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", "", err
	}
	defer func() { _ = f.Close() }() // opened for reading
	for lines := bufio.NewScanner(f); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if kind, _, _ := strings.Cut(after, " "); kind == "cgroup2" && len(fields) > 4 {
			return fields[4], fields[3], nil
		}
	}
	return "", "", errors.New("cgroup version 2 is not mounted")
}

// enter moves this process from the group into agent in it: a group with controllers
// must have no processes.
func (t Tree) enter() error {
	if err := t.check(); err != nil {
		return err
	}
	leaf := t.join(agentName)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := write(leaf, "cgroup.procs", "0"); err != nil {
		return errors.Join(err, os.Remove(leaf))
	}
	err := t.enable()
	if err != nil {
		err = errors.Join(err, write(string(t), "cgroup.procs", "0"), os.Remove(leaf))
	}
	return err
}

// check reports what the group lacks.
func (t Tree) check() error {
	b, err := os.ReadFile(t.join("cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, c := range controllers {
		if !slices.Contains(strings.Fields(string(b)), c) {
			return fmt.Errorf("the control group %s has no controller %s", t, c)
		}
	}
	return nil
}

// enable gives the controllers to the groups in this one.
func (t Tree) enable() error {
	if err := t.check(); err != nil {
		return err
	}
	procs, err := os.ReadFile(t.join("cgroup.procs"))
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(procs)) > 0 && !t.isRoot() {
		return fmt.Errorf("the control group %s has other processes than the agent; start the agent in one of its own", t)
	}
	if _, err := os.Stat(filepath.Join(t.join(agentName), "cgroup.kill")); err != nil {
		return fmt.Errorf("the system is older than Linux 5.14: %w", err)
	}
	return write(string(t), "cgroup.subtree_control", "+"+strings.Join(controllers, " +"))
}

// isRoot reports whether the group is the system's, which may have processes.
func (t Tree) isRoot() bool {
	_, err := os.Stat(t.join("cgroup.type"))
	return errors.Is(err, fs.ErrNotExist)
}

func (t Tree) join(name string) string { return filepath.Join(string(t), name) }

func write(dir, name, value string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600)
}

// A Group has the processes of one attempt.
type Group struct {
	dir  *os.File
	path string
}

// Create makes a group with limits. One of that name that exists is ended first.
func (t Tree) Create(name string, l errand.Limits) (_ *Group, err error) {
	if err := t.Remove(name); err != nil {
		return nil, err
	}
	g := &Group{path: t.join(jobPrefix + name)}
	if err := os.Mkdir(g.path, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(g.path))
		}
	}()
	if err := g.limit(l); err != nil {
		return nil, err
	}
	g.dir, err = os.Open(g.path)
	return g, err
}

const cpuPeriod = 100_000 // µs

func (g *Group) limit(l errand.Limits) error {
	for _, v := range []struct {
		name, value string
		set         bool
		optional    bool // depends on the kernel's configuration
	}{
		{"memory.max", strconv.FormatInt(l.Memory, 10), l.Memory > 0, false},
		{"memory.swap.max", "0", l.Memory > 0, true},
		{"memory.oom.group", "1", l.Memory > 0, false}, // a job without some of its processes is of no use
		{"cpu.max", fmt.Sprintf("%d %d", max(l.CPUMicroseconds(cpuPeriod), 1000), cpuPeriod), l.CPUs > 0, false},
		{"pids.max", strconv.Itoa(l.Pids), l.Pids > 0, false},
	} {
		if !v.set {
			continue
		}
		if err := write(g.path, v.name, v.value); err != nil && !(v.optional && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	return nil
}

// Dir is the group's directory, for SysProcAttr.CgroupFD.
func (g *Group) Dir() *os.File { return g.dir }

// OutOfMemory reports whether the kernel killed the group's processes because they used
// more than their memory.
func (g *Group) OutOfMemory() bool {
	b, err := os.ReadFile(filepath.Join(g.path, "memory.events"))
	if err != nil {
		return false
	}
	return happened(b, "oom") && happened(b, "oom_kill") // without oom, the machine had no memory left
}

// happened reports whether events, lines of a name and a count, has one of that name.
func happened(events []byte, name string) bool {
	for line := range strings.Lines(string(events)) {
		if count, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			return count != "0"
		}
	}
	return false
}

// Close ends what is left of the group and removes it.
func (g *Group) Close() error {
	return errors.Join(g.dir.Close(), end(g.path))
}

// Remove ends the processes of an attempt's group and removes it, if it exists. Without
// a Tree it does nothing.
func (t Tree) Remove(name string) error {
	if t == "" {
		return nil
	}
	return end(t.join(jobPrefix + name))
}

// RemoveOthers removes the groups whose names begin with prefix, except those to keep.
func (t Tree) RemoveOthers(prefix string, keep func(name string) bool) error {
	dirs, err := filepath.Glob(t.join(jobPrefix + prefix + "*"))
	for _, dir := range dirs {
		if !keep(strings.TrimPrefix(filepath.Base(dir), jobPrefix)) {
			err = errors.Join(err, end(dir))
		}
	}
	return err
}

// endTime limits how long killed processes may take to be gone.
const endTime = 5 * time.Second

// end kills all processes of a group and of those in it, and removes them.
func end(path string) error {
	err := write(path, "cgroup.kill", "1")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	limit := time.Now().Add(endTime)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := removeGroups(path)
		if err == nil || time.Now().After(limit) {
			return err
		}
		time.Sleep(wait)
	}
}

// removeGroups removes a group and those that its processes made in it.
func removeGroups(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeGroups(filepath.Join(path, e.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.Remove(path)
}
