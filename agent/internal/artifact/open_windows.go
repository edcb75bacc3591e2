package artifact

// NonBlocking opens a file without waiting for what it is.
const NonBlocking = 0
