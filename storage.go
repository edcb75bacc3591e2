package errand

import "time"

// What a server stores, as a StoredKind names it.
const (
	StoredUploads   = "uploads"
	StoredLogs      = "logs"
	StoredArtifacts = "artifacts"
	StoredCaches    = "job caches"   // removed by the rules of the bucket alone
	StoredPacks     = "worker packs" // that the workers of errand local keep for later jobs
	// StoredWorkspaces are folders that stay on the workers of errand local, and
	// StoredJobFolders those of jobs that run or are yet to be reported: never removed.
	StoredWorkspaces = "workspaces"
	StoredJobFolders = "job folders"
)

// Prune says what is to be removed, besides uploads that nothing can use any more. Days
// that are nil remove nothing.
type Prune struct {
	DryRun       bool `json:"dryRun,omitempty"`       // only say what would be removed
	LogDays      *int `json:"logDays,omitempty"`      // logs that are older, of jobs that have ended
	ArtifactDays *int `json:"artifactDays,omitempty"` // artifacts that are older
	WorkerDays   *int `json:"workerDays,omitempty"`   // offline workers that were seen last before
	PackDays     *int `json:"packDays,omitempty"`     // packs of errand local's workers that were used last before
	// WorkspaceDays are for workspaces of errand local's workers that no job uses, and
	// that were used last before.
	WorkspaceDays *int `json:"workspaceDays,omitempty"`
}

// Validate checks p. The error is an *Error with CodeInvalidField.
func (p *Prune) Validate() error {
	for name, days := range map[string]*int{"logDays": p.LogDays, "artifactDays": p.ArtifactDays, "workerDays": p.WorkerDays, "packDays": p.PackDays, "workspaceDays": p.WorkspaceDays} {
		if days != nil {
			if err := CheckRange(name, *days, 0, MaxPruneDays); err != nil {
				return err
			}
		}
	}
	return nil
}

// MaxPruneDays limits the days of a Prune.
const MaxPruneDays = 3650

// Before returns the time that is so many days before now. ok is false if days is nil.
func Before(now time.Time, days *int) (at time.Time, ok bool) {
	if days == nil {
		return time.Time{}, false
	}
	return now.Add(-time.Duration(*days) * 24 * time.Hour), true
}

// Storage is what a server has stored, and what was removed; of a dry run, what would be.
type Storage struct {
	DryRun    bool         `json:"dryRun"`
	Kinds     []StoredKind `json:"kinds"`
	Workers   []string     `json:"workers"`             // IDs of workers that were forgotten
	FreeBytes int64        `json:"freeBytes,omitempty"` // of the disk of errand local
}

// StoredKind is what a server has stored of a kind, before anything was removed.
type StoredKind struct {
	Kind         string `json:"kind"`
	Items        int    `json:"items"`
	Bytes        int64  `json:"bytes"`
	RemovedItems int    `json:"removedItems"`
	RemovedBytes int64  `json:"removedBytes"`
}

// Add adds another count of the same kind.
func (k *StoredKind) Add(other StoredKind) {
	k.Items += other.Items
	k.Bytes += other.Bytes
	k.RemovedItems += other.RemovedItems
	k.RemovedBytes += other.RemovedBytes
}

// Count counts an item.
func (k *StoredKind) Count(size int64, isRemoved bool) {
	k.Items++
	k.Bytes += size
	if isRemoved {
		k.RemovedItems++
		k.RemovedBytes += size
	}
}
