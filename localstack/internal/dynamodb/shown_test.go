package dynamodb

// unshow returns the items of an answer.
func unshow(shown []Shown) []Item {
	items := make([]Item, len(shown))
	for i, s := range shown {
		var err error
		if items[i], err = s.Item(); err != nil {
			panic(err) // ends the test
		}
	}
	return items
}
