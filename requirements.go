package errand

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Labels that each worker has, as its agent measures them.
const (
	LabelOS     = "os"     // runtime.GOOS
	LabelArch   = "arch"   // runtime.GOARCH
	LabelCPUs   = "cpus"   // logical CPUs
	LabelMemory = "memory" // in MiB: 15872M
)

// AnyValue is what a job requires of a label whose value is of no matter.
const AnyValue = "*"

// atLeast begins what a job requires of a label that is a number.
const atLeast = ">="

// Requirements is what a job requires of its worker.
type Requirements struct {
	Worker   string            `json:"worker,omitempty"`   // ID
	Labels   map[string]string `json:"labels,omitempty"`   // a value, AnyValue, or >= and a number
	Features []string          `json:"features,omitempty"` // sorted
}

// Requirements returns what the job requires of its worker.
func (s *Spec) Requirements() Requirements {
	r := Requirements{Worker: s.Worker, Labels: s.Requires, Features: s.Features()}
	slices.Sort(r.Features)
	return r
}

// Placed reports whether the job requires labels or a certain worker. Such a job is found
// by its kind from the beginning. Features, which most workers have, are no reason.
func (s *Spec) Placed() bool { return s.Worker != "" || len(s.Requires) > 0 }

// Place is the kind of what the job requires besides features.
func (s *Spec) Place() string { return Requirements{Worker: s.Worker, Labels: s.Requires}.Kind() }

// kindLength is that of a kind: 60 bits of a hash, for 100 kinds in a queue.
const kindLength = 15

// Kind names the requirements; empty: there are none. Jobs with the same kind can run on
// the same workers.
func (r Requirements) Kind() string {
	if r.Worker == "" && len(r.Labels) == 0 && len(r.Features) == 0 {
		return ""
	}
	doc, _ := json.Marshal(r) // of strings, maps sorted by key: can't fail
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:])[:kindLength]
}

// SatisfiedBy reports whether the worker has all that is required.
func (r Requirements) SatisfiedBy(w *Worker) bool { return len(r.Lacking(w)) == 0 }

// Lacking lists what the worker lacks, for people: a feature, label=value, or the ID of
// another worker.
func (r Requirements) Lacking(w *Worker) []string {
	var lacking []string
	if r.Worker != "" && r.Worker != w.ID {
		lacking = append(lacking, "the ID "+r.Worker)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		if value, ok := w.Label(name); !ok || !matchesLabel(r.Labels[name], value) {
			lacking = append(lacking, labelText(name, r.Labels[name]))
		}
	}
	for _, f := range r.Features {
		if !slices.Contains(w.Features, f) {
			lacking = append(lacking, f)
		}
	}
	return lacking
}

// labelText is a required label for people.
func labelText(name, value string) string {
	switch {
	case value == AnyValue:
		return name
	case strings.HasPrefix(value, atLeast):
		return name + value
	}
	return name + "=" + value
}

// Label returns the value of the worker's label.
func (w *Worker) Label(name string) (value string, ok bool) {
	switch name {
	case LabelOS:
		return w.OS, w.OS != ""
	case LabelArch:
		return w.Arch, w.Arch != ""
	}
	value, ok = w.Labels[name]
	return value, ok
}

// AllLabels returns the worker's labels, with its system and architecture.
func (w *Worker) AllLabels() map[string]string {
	all := maps.Clone(w.Labels)
	if all == nil {
		all = map[string]string{}
	}
	for _, name := range []string{LabelOS, LabelArch} {
		if value, ok := w.Label(name); ok {
			all[name] = value
		}
	}
	return all
}

func matchesLabel(required, value string) bool {
	if required == AnyValue || required == value {
		return true
	}
	least, ok := strings.CutPrefix(required, atLeast)
	if !ok {
		return false
	}
	want, ok1 := parseQuantity(least)
	have, ok2 := parseQuantity(value)
	return ok1 && ok2 && have >= want
}

var quantityRE = compileLater(`^([0-9]{1,12}(?:\.[0-9]{1,6})?)([KMGT]?)$`)

// parseQuantity reads a number like 8, 1.5 or 16G: K, M, G and T are powers of 1024.
func parseQuantity(s string) (n float64, ok bool) {
	m := quantityRE.compile().FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(m[1], 64)
	for range strings.Index(" KMGT", m[2]) { // 0 for none: the pattern has checked the rest
		if m[2] != "" {
			n *= 1024
		}
	}
	return n, err == nil
}

// ValidateLabels checks labels of a worker, of the request's field. The error is an *Error
// with CodeInvalidField.
func ValidateLabels(field string, labels map[string]string) error {
	if err := checkLabels(field, labels); err != nil {
		return err
	}
	for _, name := range []string{LabelOS, LabelArch} {
		if _, ok := labels[name]; ok {
			return InvalidField(field+"."+name, "%s is measured and can't be set", name)
		}
	}
	return nil
}

// validateRequires checks what a job requires of labels.
func validateRequires(requires map[string]string) error {
	if err := checkLabels("requires", requires); err != nil {
		return err
	}
	for name, value := range requires {
		least, number := strings.CutPrefix(value, atLeast)
		if _, ok := parseQuantity(least); number && !ok {
			return InvalidField("requires."+name, "requires.%s must be a number like 8 or 16G after %s, got %q", name, atLeast, least)
		}
	}
	return nil
}

func checkLabels(field string, labels map[string]string) error {
	if len(labels) > MaxLabels {
		return InvalidField(field, "%s has %d labels; the limit is %d", field, len(labels), MaxLabels)
	}
	for name, value := range labels {
		if !labelRE.MatchString(name) {
			return InvalidField(field, "%s: the label %q must match %s", field, name, LabelPattern)
		}
		if !valueRE.MatchString(value) {
			return InvalidField(field+"."+name, "the value of %s.%s must be 1 to 64 printable ASCII characters without spaces", field, name)
		}
	}
	return nil
}
