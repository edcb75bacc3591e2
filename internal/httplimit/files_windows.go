package httplimit

// OpenFiles is the process's limit of open files and sockets: Windows has none.
func OpenFiles() int { return manyFiles }
