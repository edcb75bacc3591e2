package terminal

import "testing"

func TestByteSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "1500": 1500, "2GB": 2e9, "2 gb": 2e9, "1.5k": 1500, "1GiB": 1 << 30, "500MB": 5e8, "7b": 7,
		"": -1, "GB": -1, "-1": -1, "1e300": -1, "2XB": -1, "NaN": -1, "1kBB": -1,
	} {
		b := ByteSize(-1)
		if err := b.Set(text); int64(b) != want || (err != nil) != (want < 0) {
			t.Errorf("%q: %d, %v; want %d", text, b, err, want)
		}
	}
}

func TestByteSizeError(t *testing.T) {
	var b ByteSize
	if err := b.Set("big"); err == nil || err.Error() != `must be a size like 500MB or 2GB, got "big"` {
		t.Errorf("got %v", err)
	}
}
