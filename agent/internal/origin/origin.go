// Package origin says where and when an attempt's directory was made. With it a later
// process can tell a restart, after which the attempt's commands have certainly ended,
// from a copy of the directory, whose original may run on elsewhere.
package origin

import (
	"net"
	"slices"
	"sync"
)

// An Origin is the run of the machine and the directory in which an attempt began.
type Origin struct {
	// Boot identifies the run of the machine since its start; empty if unknown.
	Boot string `json:"boot,omitempty"`
	// Directory is the directory's number on its file system; 0 if unknown. A copy has
	// another one.
	Directory uint64 `json:"directory,omitempty"`
	// Hardware are the addresses of the machine's network interfaces.
	Hardware []string `json:"hardware,omitempty"`
}

// Of returns the origin of a directory that is made now on this machine.
func Of(dir string) Origin {
	m := machine()
	return Origin{Boot: m.Boot, Directory: fileNumber(dir), Hardware: m.Hardware}
}

// machine is the part that stays the same for this process.
var machine = sync.OnceValue(func() Origin { return Origin{Boot: bootID(), Hardware: hardware()} })

// A Relation is what has happened since an Origin was noted.
type Relation int

// The relations.
const (
	Unknown   Relation = iota // the directory may be a copy
	SameBoot                  // the machine has been running since
	Restarted                 // the machine was restarted
)

// Since compares the origin with the present one of the same directory.
func (o Origin) Since(now Origin) Relation {
	switch {
	case o.Boot == "" || now.Boot == "" || o.Directory == 0 || o.Directory != now.Directory:
		return Unknown
	case o.Boot == now.Boot:
		return SameBoot
	case slices.ContainsFunc(o.Hardware, func(a string) bool { return slices.Contains(now.Hardware, a) }):
		return Restarted
	}
	return Unknown // perhaps another machine with a copy of the disk
}

func hardware() []string {
	all, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var addresses []string
	for _, i := range all {
		if len(i.HardwareAddr) > 0 && !slices.Contains(addresses, i.HardwareAddr.String()) {
			addresses = append(addresses, i.HardwareAddr.String())
		}
	}
	return addresses
}
