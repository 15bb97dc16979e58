package flinkstest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// guid writes 128 bits in the shape that Flinks' ids have.
func guid(hi, lo uint64) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], hi)
	binary.BigEndian.PutUint64(raw[8:], lo)
	var out [36]byte
	hex.Encode(out[0:8], raw[0:4])
	hex.Encode(out[9:13], raw[4:6])
	hex.Encode(out[14:18], raw[6:8])
	hex.Encode(out[19:23], raw[8:10])
	hex.Encode(out[24:36], raw[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// loginID is the id of a card: the same institution, username and language
// have the same id in every process, as they have at Flinks.
func loginID(institution, username, language string) string {
	sum := sha256.Sum256([]byte(cardKey(institution, username, language)))
	return guid(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16]))
}

// cardKey names a card by what its id is made of. Usernames differ in case
// between the pages of the documentation and mean the same user.
func cardKey(institution, username, language string) string {
	return strings.ToLower(institution + "|" + username + "|" + language)
}

// mix64 is the finalizer of SplitMix64: near inputs, far outputs.
func mix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash64 is FNV-1a, spelled out because hash/fnv would allocate per string.
func hash64(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
