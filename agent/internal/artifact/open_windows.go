package artifact

const nonBlocking = 0
