package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Problem is one wrong setting: what is set, where, and what was expected.
type Problem struct {
	Variable string
	Value    string // as it may be shown: never a secret's, empty where there is none
	Origin   string // "file:line" in the env file; empty where the environment set it or nothing did
	Expected string
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Variable)
	if p.Value != "" {
		fmt.Fprintf(&b, "=%q", p.Value)
	}
	if p.Origin != "" {
		fmt.Fprintf(&b, " (%s)", p.Origin)
	}
	b.WriteString(": ")
	b.WriteString(p.Expected)
	return b.String()
}

// Problems is the error of a configuration that is refused: every problem at once.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return "configuration refused:\n  " + strings.Join(lines, "\n  ")
}

// refuseUnknown refuses variables that nothing reads; their values may be secrets.
func (l *loader) refuseUnknown() {
	for _, name := range slices.Sorted(maps.Keys(l.settings)) {
		if _, known := l.known[name]; known {
			continue
		}
		l.refuse(l.settings[name], "", "is not a setting of backwire"+l.suggest(name))
	}
}

// suggest names what was probably meant: a block that no list names, or the nearest variable.
func (l *loader) suggest(name string) string {
	best, distance := "", len(name)
	for _, known := range slices.Sorted(maps.Keys(l.known)) {
		if d := editDistance(name, known); d < distance {
			best, distance = known, d
		}
	}
	if distance <= 2 {
		return "; did you mean " + best + "?"
	}
	if list, block := l.unlistedBlock(name); block != "" {
		return fmt.Sprintf("; did you mean to name %s in %s?", block, list)
	}
	if distance <= (len(name)-len(prefix))/3 {
		return "; did you mean " + best + "?"
	}
	return ""
}

// unlistedBlock finds the block that a variable would belong to if a list named it.
func (l *loader) unlistedBlock(name string) (list, block string) {
	kinds := []struct {
		shared, list string
		spec         any
	}{{sitePrefix, prefix + "_NETBACKUP_SITES", &Site{}}, {endpointPrefix, prefix + "_REMOTE_WRITE_ENDPOINTS", &Endpoint{}}}
	for _, kind := range kinds {
		rest, found := strings.CutPrefix(name, kind.shared+"_")
		if !found {
			continue
		}
		for _, v := range gather(kind.shared, kind.spec) {
			suffix := strings.TrimPrefix(v.name, kind.shared)
			if before, found := strings.CutSuffix(rest, suffix); found && before != "" && (block == "" || len(before) < len(block)) {
				list, block = kind.list, strings.ToLower(before)
			}
		}
	}
	return list, block
}

// editDistance counts the insertions, deletions, replacements and swaps of neighbours that
// turn a into b.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
