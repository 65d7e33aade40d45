package gitfacts

import "math/bits"

// A bitset is a set of numbers below the size it was made for. Sets that are
// combined have one size.
type bitset []uint64

func newBitset(size int) bitset { return make(bitset, (size+63)/64) }

func (s bitset) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s bitset) and(t bitset) bitset {
	return s.with(t, func(a, b uint64) uint64 { return a & b })
}

func (s bitset) or(t bitset) bitset {
	return s.with(t, func(a, b uint64) uint64 { return a | b })
}

func (s bitset) minus(t bitset) bitset {
	return s.with(t, func(a, b uint64) uint64 { return a &^ b })
}

func (s bitset) with(t bitset, combine func(a, b uint64) uint64) bitset {
	made := make(bitset, len(s))
	for i := range s {
		made[i] = combine(s[i], t[i])
	}
	return made
}

func (s bitset) count() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// first gives the first n numbers in the set.
func (s bitset) first(n int) (list []int) {
	for i, word := range s {
		for ; word != 0 && len(list) < n; word &= word - 1 {
			list = append(list, i*64+bits.TrailingZeros64(word))
		}
	}
	return list
}
