package dynamodb

import (
	"encoding/binary"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// The keys in the store, by their first byte:
//
//	n                                              the last table number
//	c region 00 name                               a table's definition, JSON
//	i table(8) index(2) hash(8) key…               an item, or an entry of an index
//	t table(8) second(8) hash(8) key…              an item's expiry, where TTL is on
//	k region 00 token                              a transaction's client token, JSON
//
// table is the table's number. Index 0 is the table itself. key is the encoded
// partition and sort key. In an entry of an index, a hash of the item's own key and
// that key follow, because index keys needn't be unique.
const (
	prefixLastTableNo = 'n'
	prefixDefinition  = 'c'
	prefixItem        = 'i'
	prefixExpiry      = 't'
	prefixClientToken = 'k'
)

func definitionKey(id tableID) []byte {
	return []byte(string(prefixDefinition) + id.region + "\x00" + id.name)
}

func clientTokenKey(region, token string) []byte {
	return []byte(string(prefixClientToken) + region + "\x00" + token)
}

// itemsOf returns the prefix of all items and index entries of a table.
func itemsOf(tableNo uint64) []byte {
	key := make([]byte, 0, 96) // enough for most keys
	return binary.BigEndian.AppendUint64(append(key, prefixItem), tableNo)
}

// entriesOf returns the prefix of the items, or of the entries of one index.
func entriesOf(tableNo uint64, indexNo uint16) []byte {
	return binary.BigEndian.AppendUint16(itemsOf(tableNo), indexNo)
}

// expiryPrefix returns the prefix of a table's TTL entries.
func expiryPrefix(tableNo uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixExpiry}, tableNo)
}

// prefixLen is the length of the prefix that entriesOf returns, and of a TTL entry's
// prefix without the table.
const prefixLen = 1 + 8 + 2

func expiryKey(tableNo uint64, second int64, item []byte) []byte {
	k := binary.BigEndian.AppendUint64(expiryPrefix(tableNo), uint64(second))
	return append(k, item[prefixLen:]...)
}

// appendPartition appends the hash and the encodings of a partition key.
func appendPartition(dst []byte, vs ...value.Value) []byte {
	h := value.Hash(vs...)
	dst = append(dst, h[:]...)
	for _, v := range vs {
		dst = value.AppendKey(dst, v)
	}
	return dst
}
