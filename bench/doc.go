// Package bench holds the benchmarks of the embedded stack, as ratios against
// floors that are measured in the same run: see README.md. All of it is in test
// files.
package bench
