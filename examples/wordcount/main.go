// Wordcount counts the words of the files that are named.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	top := flag.Int("top", 5, "how many of the most frequent words to show")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "wordcount: name the files to count")
		os.Exit(2)
	}
	all := Counts{}
	failed := false
	for _, name := range flag.Args() {
		if err := countFile(all, name); err != nil {
			fmt.Fprintln(os.Stderr, "wordcount:", err)
			failed = true
		}
	}
	fmt.Printf("%6d  words in all\n", all.Total())
	for _, w := range all.Top(*top) {
		fmt.Printf("%6d  %s\n", all[w], w)
	}
	if failed {
		os.Exit(1)
	}
}

func countFile(all Counts, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	before := all.Total()
	if err := all.Count(f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	n := all.Total() - before
	if n == 0 {
		fmt.Fprintf(os.Stderr, "wordcount: %s has no words\n", name)
	}
	fmt.Printf("%6d  %s\n", n, name)
	return nil
}
