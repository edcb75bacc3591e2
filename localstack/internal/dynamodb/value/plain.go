package value

// Plain is how many bytes s begins with that stand for themselves in a JSON
// string: ASCII, but for control characters, quotes and backslashes.
func Plain(s string) int {
	i := 0
	for len(s)-i >= 8 && special(word(s[i:i+8])) == 0 {
		i += 8
	}
	for i < len(s) && s[i] >= 0x20 && s[i] < 0x80 && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// word is eight bytes as one number, which the compiler loads at once.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// special isn't 0 if one of eight bytes isn't plain. A byte is below n, or n's
// equal after an exclusive or with it, if taking n from it borrows from the bit
// above; borrows go on only from a byte that isn't plain itself.
func special(w uint64) uint64 {
	const each, top = 0x0101010101010101, 0x8080808080808080
	quote, backslash := w^(each*'"'), w^(each*'\\')
	return (w | (w - each*0x20) | (quote - each) | (backslash - each)) & top
}
