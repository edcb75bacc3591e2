package durable

// SyncDir does nothing: Windows can't sync a directory, and NTFS journals names.
func SyncDir(string) error { return nil }
