package judge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Rule is a promise that can be broken.
type Rule string

// The rules.
const (
	Body    Rule = "body"    // a 200 has the file's bytes, all of them
	Range   Rule = "range"   // a 206 has what was asked for, exactly
	Headers Rule = "headers" // the contract's headers, on every answer
	Cap     Rule = "cap"     // max_downloads is never passed
	Revoked Rule = "revoked" // nothing is served after a revocation's bound
	State   Rule = "state"   // nothing is served that no link leads to
)

// ErrVoid says that a run's figures are worth nothing.
var ErrVoid = errors.New("the run is void")

// examples are kept of each rule.
const examples = 5

// Violation is a rule that was broken, how often, and the first cases of it.
type Violation struct {
	Rule     Rule     `json:"rule"`
	Count    int64    `json:"count"`
	Examples []string `json:"examples"`
}

// Book keeps the violations of a run. Safe for concurrent use.
type Book struct {
	mu     sync.Mutex
	broken map[Rule]*Violation
	judged int64
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{broken: map[Rule]*Violation{}} }

// Break notes that a rule was broken.
func (b *Book) Break(rule Rule, format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.broken[rule]
	if v == nil {
		v = &Violation{Rule: rule}
		b.broken[rule] = v
	}
	v.Count++
	if len(v.Examples) < examples {
		v.Examples = append(v.Examples, fmt.Sprintf(format, args...))
	}
}

// Judged notes that an answer was checked in full.
func (b *Book) Judged() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.judged++
}

// Checked is how many answers were checked in full.
func (b *Book) Checked() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.judged
}

// Violations returns what was broken, by rule.
func (b *Book) Violations() []Violation {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Violation
	for _, v := range b.broken {
		all = append(all, Violation{v.Rule, v.Count, slices.Clone(v.Examples)})
	}
	slices.SortFunc(all, func(x, y Violation) int { return cmp.Compare(x.Rule, y.Rule) })
	return all
}

// Err returns ErrVoid with the violations, or nil if there are none.
func (b *Book) Err() error {
	var all []error
	for _, v := range b.Violations() {
		all = append(all, fmt.Errorf("%w: rule %q was broken %d times, as in: %s", ErrVoid, v.Rule, v.Count, v.Examples[0]))
	}
	return errors.Join(all...)
}
