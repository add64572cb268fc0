package netbackup

import "math/bits"

// jobFields is a set of the attributes of a job that its counting needs. A server may leave any of them
// out of an answer, or say null; that is not a value, and the next answer may have it.
type jobFields uint32

// The attributes by which a finished job is known, named and measured.
const (
	fieldParent jobFields = 1 << iota
	fieldType
	fieldState
	fieldPolicyType
	fieldPolicy
	fieldScheduleType
	fieldClient
	fieldStatus
	fieldTry
	fieldChildren
	fieldStart
	fieldEnd
	fieldActive
	fieldUpdate
	fieldKilobytes
	fieldMoved
	fieldFiles

	everyField = fieldFiles<<1 - 1

	// counting needs all but the state, because who asks for finished jobs gets no others, and the last
	// update, which the end says better.
	neededFields = everyField &^ (fieldState | fieldUpdate)
)

// each calls f with each field of the set.
func (s jobFields) each(f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros32(uint32(s)))
	}
}

// fill takes what a job lacks from another view of it.
func (j *Job) fill(from *Job) {
	(from.given &^ j.given).each(func(i int) {
		switch jobFields(1) << i {
		case fieldParent:
			j.ParentID = from.ParentID
		case fieldType:
			j.Type = from.Type
		case fieldState:
			j.State = from.State
		case fieldPolicyType:
			j.PolicyType = from.PolicyType
		case fieldPolicy:
			j.Policy = from.Policy
		case fieldScheduleType:
			j.ScheduleType = from.ScheduleType
		case fieldClient:
			j.Client = from.Client
		default:
			j.fillMeasure(from, jobFields(1)<<i)
		}
	})
	j.given |= from.given
	j.named |= from.named
}

func (j *Job) fillMeasure(from *Job, f jobFields) {
	switch f {
	case fieldStatus:
		j.Status = from.Status
	case fieldTry:
		j.Try, j.oddTry = from.Try, from.oddTry
	case fieldChildren:
		j.ChildCount = from.ChildCount
	case fieldStart:
		j.Start = from.Start
	case fieldEnd:
		j.End = from.End
	case fieldActive:
		j.ActiveTryStart = from.ActiveTryStart
	case fieldUpdate:
		j.LastUpdate = from.LastUpdate
	case fieldKilobytes:
		j.KilobytesTransferred = from.KilobytesTransferred
	case fieldMoved:
		j.KilobytesDataTransferred = from.KilobytesDataTransferred
	case fieldFiles:
		j.NumberOfFiles = from.NumberOfFiles
	}
}

// agrees says that two views may be of the same ending: whatever both give of what tells endings of a
// job apart is equal.
func (j *Job) agrees(k *Job) bool {
	both := j.given & k.given
	return (both&fieldTry == 0 || j.Try == k.Try) &&
		(both&fieldStart == 0 || j.Start.Equal(k.Start)) &&
		(both&fieldEnd == 0 || j.End.Equal(k.End))
}
