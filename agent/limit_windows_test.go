package agent_test

func limitFiles(string) {}
