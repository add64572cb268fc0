package ledger

import "math"

// Birth is when the ledger began. It comes of the first reading of the server's clock, which may have been
// wrong: so it is not believed for ever.
type Birth struct {
	At   int64 // server's clock: what ended before it is not counted; 0 before the first reading
	born int64 // agent's clock at that reading
	skew int64 // ms: server's clock less the agent's then
}

// unknownSkew is that of a birth which was written down without it: any other is believed rather.
const unknownSkew = math.MaxInt64

// begin sets the birth, or corrects it; now and at are the server's and the agent's clock, and all is in ms.
// A moment of birth that lies ahead was read from a clock that was wrong, unless it is today's that is: the
// reading is believed at which the two clocks agree better.
func (b *Birth) begin(now, at, backfill int64) (corrected bool) {
	skew := now - at
	if b.At == 0 {
		*b = Birth{At: now - backfill, born: at, skew: skew}
		return false
	}
	const slack = 60_000 // ms, for clocks that are corrected in small steps
	if b.At+backfill <= now+slack || distance(skew) >= distance(b.skew) {
		return false
	}
	age := max(at-b.born, 0)
	*b = Birth{At: now - age - backfill, born: at - age, skew: skew}
	return true
}

func distance(ms int64) int64 { return max(ms, -ms) }
