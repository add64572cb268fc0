package netbackup

// lastTold remembers, by what identifies them, the rows of a list as they last were: a fact that an answer leaves out is the
// one that was told before. It becomes a label, and a label that changes for a cycle ends a series and begins another.
// Figures and states are never taken from an earlier answer. Before a fact was told for the first time, its label is empty.
type lastTold[T any] struct {
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

// begin begins a reading.
func (l *lastTold[T]) begin() {
	l.reading++
	for id, t := range l.rows {
		if l.reading-t.reading > toldKept {
			delete(l.rows, id)
		}
	}
}

// complete has fill take from the row's last form what it lacks, and remembers it.
func (l *lastTold[T]) complete(id string, row *T, fill func(row, last *T)) {
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

// keep leaves what was told, and takes what was told before where nothing was.
func keep[T comparable](now *T, before T) {
	var nothing T
	if *now == nothing {
		*now = before
	}
}

func (u *StorageUnit) keepFacts(last *StorageUnit) {
	keep(&u.Category, last.Category)
	keep(&u.Type, last.Type)
	keep(&u.SubType, last.SubType)
	keep(&u.ServerType, last.ServerType)
	keep(&u.DiskPool, last.DiskPool)
	keep(&u.IsCloud, last.IsCloud)
	keep(&u.WormCapable, last.WormCapable)
	keep(&u.UseWorm, last.UseWorm)
	keep(&u.ReplicationCapable, last.ReplicationCapable)
	keep(&u.InstantAccess, last.InstantAccess)
	u.dropNoCapacity()
}

func (p *DiskPool) keepFacts(last *DiskPool) {
	keep(&p.Name, last.Name)
	keep(&p.ServerType, last.ServerType)
	keep(&p.Category, last.Category)
	p.dropNoCapacity()
}

// keepFacts shows a volume without a name by the one that it had, not by its id.
func (v *DiskVolume) keepFacts(last *DiskVolume) {
	if v.Name == v.ID {
		v.Name = last.Name
	}
}

func (t *TapeDrive) keepFacts(last *TapeDrive) {
	keep(&t.Type, last.Type)
	keep(&t.RobotType, last.RobotType)
	if t.RobotType == last.RobotType {
		keep(&t.RobotNumber, last.RobotNumber)
	}
	if last.Host != "" && (t.Host == "" || t.FirstHostMissing) {
		t.Host = last.Host
	}
}

func (p *VolumePool) keepFacts(last *VolumePool) { keep(&p.Type, last.Type) }
