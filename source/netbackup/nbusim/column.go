package nbusim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// column is an attribute of an object T, as the documents' tables describe it.
type column[T any] struct {
	name      string
	kind      kind
	operators string // those that a filter may use, by spaces
	sortable  bool
	hidden    bool // known to filters or sorts alone; the answer has no such attribute
	get       func(*T) value
}

// columns is the table of an object, by the order of the answer.
type columns[T any] []column[T]

func (cs columns[T]) named(name string) *column[T] {
	i := slices.IndexFunc(cs, func(c column[T]) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return &cs[i]
}

// bind makes a predicate of a filter; an operator that the table does not give the attribute is an error.
func (cs columns[T]) bind(e *expression) (func(*T) bool, error) {
	if e == nil {
		return func(*T) bool { return true }, nil
	}
	switch e.operator {
	case "and", "or", "not":
		return cs.bindLogic(e)
	}
	c := cs.named(e.attribute)
	if c == nil || c.operators == "" {
		return nil, fmt.Errorf("filtering on %s is not supported", e.attribute)
	}
	if !c.takes(e.operator) || (e.fold != "" && !c.takes(e.fold)) {
		return nil, fmt.Errorf("%s does not take %s, only %s", e.attribute, e.operator, c.operators)
	}
	literal, err := c.kind.literal(e.literal)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", e.attribute, e.operator, err)
	}
	get := folded(c.get, e.fold)
	holds := comparison(e.operator)
	return func(o *T) bool { return holds(get(o), literal) }, nil
}

func (cs columns[T]) bindLogic(e *expression) (func(*T) bool, error) {
	left, err := cs.bind(e.left)
	if err != nil {
		return nil, err
	}
	if e.operator == "not" {
		if !cs.negatable(e.left) {
			return nil, errors.New("an attribute in it does not take not")
		}
		return func(o *T) bool { return !left(o) }, nil
	}
	right, err := cs.bind(e.right)
	if err != nil {
		return nil, err
	}
	if e.operator == "and" {
		return func(o *T) bool { return left(o) && right(o) }, nil
	}
	return func(o *T) bool { return left(o) || right(o) }, nil
}

// negatable says whether every attribute of an expression takes "not".
func (cs columns[T]) negatable(e *expression) bool {
	if e.left != nil {
		return cs.negatable(e.left) && (e.right == nil || cs.negatable(e.right))
	}
	c := cs.named(e.attribute)
	return c != nil && c.takes("not")
}

func (c *column[T]) takes(operator string) bool {
	return slices.Contains(strings.Fields(c.operators), operator)
}

func folded[T any](get func(*T) value, fold string) func(*T) value {
	switch fold {
	case "tolower":
		return func(o *T) value { return str(strings.ToLower(get(o).s)) }
	case "toupper":
		return func(o *T) value { return str(strings.ToUpper(get(o).s)) }
	}
	return get
}

func comparison(operator string) func(a, b value) bool {
	switch operator {
	case "eq":
		return func(a, b value) bool { return a.compare(b) == 0 }
	case "ne":
		return func(a, b value) bool { return a.compare(b) != 0 }
	case "lt":
		return func(a, b value) bool { return a.compare(b) < 0 }
	case "gt":
		return func(a, b value) bool { return a.compare(b) > 0 }
	case "le":
		return func(a, b value) bool { return a.compare(b) <= 0 }
	case "ge":
		return func(a, b value) bool { return a.compare(b) >= 0 }
	case "contains":
		return func(a, b value) bool { return strings.Contains(a.s, b.s) }
	case "startswith":
		return func(a, b value) bool { return strings.HasPrefix(a.s, b.s) }
	}
	return func(a, b value) bool { return strings.HasSuffix(a.s, b.s) }
}

// sortKey reads one name of a sort parameter; '-' in front is descending.
func (cs columns[T]) sortKey(s string) (c *column[T], descending bool, err error) {
	name, descending := strings.CutPrefix(s, "-")
	if c = cs.named(name); c == nil || !c.sortable {
		return nil, false, fmt.Errorf("sorting on %s is not supported", name)
	}
	return c, descending, nil
}
