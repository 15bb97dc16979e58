package flinks

import "bytes"

// maxDepth is how deep values may lie in one another, as in encoding/json.
const maxDepth = 10_000

// part is what a value is within a reply that carries accounts.
type part int

const (
	elsewhere part = iota
	answer         // the reply as a whole
	accountList
	account
	transactionList
)

// counter walks once over a reply: it checks that the whole is JSON, counts
// accounts and transactions, and hands the reply's own members on.
type counter struct {
	data []byte
	pos  int
	to   taker

	accounts, transactions int
	lists                  int  // of accounts
	odd                    bool // a list is no list, is there twice, or a member was not taken
}

// value reads one value; false: it is no JSON.
func (c *counter) value(is part, depth int) bool {
	if !c.skip() {
		return false
	}
	first := c.data[c.pos]
	switch is {
	case accountList, transactionList:
		c.odd = c.odd || first != '[' && first != 'n'
	case account:
		c.odd = c.odd || first != '{' && first != 'n'
	}
	switch first {
	case '{':
		return depth < maxDepth && c.object(is, depth+1)
	case '[':
		return depth < maxDepth && c.array(is, depth+1)
	case '"':
		_, ok := c.text()
		return ok
	case 't':
		return c.word("true")
	case 'f':
		return c.word("false")
	case 'n':
		return c.word("null")
	}
	return c.number()
}

func (c *counter) object(is part, depth int) bool {
	c.pos++
	if c.next('}') {
		return true
	}
	for {
		if !c.skip() {
			return false
		}
		key, ok := c.text()
		if !ok || !c.next(':') || !c.skip() {
			return false
		}
		start := c.pos
		if !c.value(within(is, key), depth) {
			return false
		}
		if is == answer {
			c.odd = c.odd || !c.to.take(key, c.data[start:c.pos])
		}
		if !c.next(',') {
			return c.next('}')
		}
	}
}

// within is what a member of that name is.
func within(is part, key []byte) part {
	switch {
	case is == answer && len(key) == len("Accounts") && bytes.EqualFold(key, []byte("Accounts")):
		return accountList
	case is == account && len(key) == len("Transactions") && bytes.EqualFold(key, []byte("Transactions")):
		return transactionList
	}
	return elsewhere
}

func (c *counter) array(is part, depth int) bool {
	if is == accountList {
		c.lists++
		c.odd = c.odd || c.lists > 1
	}
	c.pos++
	if c.next(']') {
		return true
	}
	for {
		inside := elsewhere
		switch is {
		case accountList:
			inside = account
			c.accounts++
		case transactionList:
			c.transactions++
		}
		if !c.value(inside, depth) {
			return false
		}
		if !c.next(',') {
			return c.next(']')
		}
	}
}

// skip passes white space over; false: nothing follows.
func (c *counter) skip() bool {
	for ; c.pos < len(c.data); c.pos++ {
		switch c.data[c.pos] {
		case ' ', '\t', '\n', '\r':
		default:
			return true
		}
	}
	return false
}

// next passes a mark over if it is what follows.
func (c *counter) next(mark byte) bool {
	if !c.skip() || c.data[c.pos] != mark {
		return false
	}
	c.pos++
	return true
}

func (c *counter) word(w string) bool {
	if !bytes.HasPrefix(c.data[c.pos:], []byte(w)) {
		return false
	}
	c.pos += len(w)
	return true
}

// stops marks the bytes that are not simply a part of a text.
var stops = func() (marks [256]bool) {
	for b := range ' ' {
		marks[b] = true
	}
	marks['"'], marks['\\'] = true, true
	return marks
}()

// text reads a string and returns what is between its quotes, as it is written.
func (c *counter) text() (raw []byte, ok bool) {
	if c.data[c.pos] != '"' {
		return nil, false
	}
	rest := c.data[c.pos+1:]
	for i := 0; i < len(rest); i++ {
		if !stops[rest[i]] {
			continue
		}
		switch rest[i] {
		case '"':
			c.pos += i + 2
			return rest[:i], true
		case '\\':
			n := escape(rest[i+1:])
			if n == 0 {
				return nil, false
			}
			i += n
		default:
			return nil, false
		}
	}
	return nil, false
}

// escape is the length of what follows a backslash; 0: it is none.
func escape(rest []byte) int {
	if len(rest) == 0 {
		return 0
	}
	switch rest[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		for i := 1; i <= 4; i++ {
			if i == len(rest) || !isHex(rest[i]) {
				return 0
			}
		}
		return 5
	}
	return 0
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f'
}

func (c *counter) number() bool {
	c.mark('-')
	if !c.mark('0') && !c.digits() {
		return false
	}
	if c.mark('.') && !c.digits() {
		return false
	}
	if c.mark('e') || c.mark('E') {
		if !c.mark('+') {
			c.mark('-')
		}
		return c.digits()
	}
	return true
}

// mark passes a mark over if it is what follows at once.
func (c *counter) mark(m byte) bool {
	if c.pos < len(c.data) && c.data[c.pos] == m {
		c.pos++
		return true
	}
	return false
}

// digits reads one digit or more.
func (c *counter) digits() bool {
	start := c.pos
	for c.pos < len(c.data) && c.data[c.pos]-'0' <= 9 {
		c.pos++
	}
	return c.pos > start
}
