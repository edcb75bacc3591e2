package kv

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Get returns a copy of key's value, and whether there is one.
func (sp *Space) Get(key []byte) (value []byte, ok bool, err error) {
	err = sp.lookup(key, false, func(v []byte) { value, ok = append([]byte{}, v...), true })
	return value, ok, err
}

// GetText is Get with the value as a string.
func (sp *Space) GetText(key []byte) (value string, ok bool, err error) {
	err = sp.lookup(key, false, func(v []byte) { value, ok = string(v), true })
	return value, ok, err
}

// Find is Get for a key that most likely doesn't exist. If the store is larger
// than its cache, Find costs a fraction of Get for such a key, and a tenth more
// for one that exists.
func (sp *Space) Find(key []byte) (value []byte, ok bool, err error) {
	err = sp.lookup(key, true, func(v []byte) { value, ok = append([]byte{}, v...), true })
	return value, ok, err
}

// FindText is Find with the value as a string.
func (sp *Space) FindText(key []byte) (value string, ok bool, err error) {
	err = sp.lookup(key, true, func(v []byte) { value, ok = string(v), true })
	return value, ok, err
}

// lookup calls f with key's value, if there is one. The value is valid only during
// the call.
func (sp *Space) lookup(key []byte, mayBeAbsent bool, f func(value []byte)) error {
	if !sp.store.gate.Enter() {
		return ErrClosed
	}
	defer sp.store.gate.Leave()
	sp.store.counters.gets.Add(1)
	var buf [64]byte
	full := append(append(buf[:0], sp.prefix), key...)
	var err error
	if mayBeAbsent {
		err = find(sp.from, full, f)
	} else {
		err = get(sp.from, full, f)
	}
	if err != nil {
		return sp.store.readError(err)
	}
	return nil
}

func get(from pebble.Reader, key []byte, f func([]byte)) error {
	v, closer, err := from.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f(v)
	return closer.Close()
}

// allFilters makes an iterator use the filters of the lowest level too, which
// holds most keys. Pebble's Get doesn't, and reads a block there.
var allFilters = pebble.IterOptions{UseL6Filters: true}

func find(from pebble.Reader, key []byte, f func([]byte)) error {
	it, err := from.NewIter(&allFilters)
	if err != nil {
		return err
	}
	if it.SeekPrefixGE(key) { // the prefix is the whole key
		var v []byte
		if v, err = it.ValueAndErr(); err == nil {
			f(v)
		}
	}
	return errors.Join(err, it.Close())
}
