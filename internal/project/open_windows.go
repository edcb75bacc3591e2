package project

// nonBlocking: Windows has no pipes in folders.
const nonBlocking = 0
