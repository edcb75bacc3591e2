package process_test

func strayFound() int { return 1 }
