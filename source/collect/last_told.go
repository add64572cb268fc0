package collect

// LastTold remembers, by what identifies them, the rows of a list as they last were: a fact that an answer leaves out is the
// one that was told before. It becomes a label, and a label that changes for a cycle ends a series and begins another.
// Figures and states are never taken from an earlier answer. Before a fact was told for the first time, its label is empty.
type LastTold[T any] struct {
	rows    map[string]toldRow[T]
	reading int
}

type toldRow[T any] struct {
	row     T
	reading int // in which it came
}

// toldKept is how many readings a row is remembered that does not come any more.
const toldKept = 60

// toldLimit is how many rows are remembered: more than may have series.
const toldLimit = seriesLimit

// Begin begins a reading.
func (l *LastTold[T]) Begin() {
	l.reading++
	for id, t := range l.rows {
		if l.reading-t.reading > toldKept {
			delete(l.rows, id)
		}
	}
}

// Complete has fill take from the row's last form what it lacks, and remembers it.
func (l *LastTold[T]) Complete(id string, row *T, fill func(row, last *T)) {
	t, known := l.rows[id]
	if known {
		fill(row, &t.row)
	} else if len(l.rows) >= toldLimit {
		return
	}
	if l.rows == nil {
		l.rows = map[string]toldRow[T]{}
	}
	l.rows[id] = toldRow[T]{*row, l.reading}
}
