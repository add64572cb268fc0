package api

import "math/bits"

// JobFields is a set of the attributes of a job that its counting needs. A server may leave any of them
// out of an answer, or say null; that is not a value, and the next answer may have it.
type JobFields uint32

// The attributes by which a finished job is known, named and measured.
const (
	FieldParent JobFields = 1 << iota
	FieldType
	FieldState
	FieldPolicyType
	FieldPolicy
	FieldScheduleType
	FieldClient
	FieldStatus
	FieldTry
	FieldChildren
	FieldStart
	FieldEnd
	FieldActive
	FieldUpdate
	FieldKilobytes
	FieldMoved
	FieldFiles

	everyField = FieldFiles<<1 - 1

	// counting needs all but the state, because who asks for finished jobs gets no others, and the last
	// update, which the end says better.
	NeededFields = everyField &^ (FieldState | FieldUpdate)
)

// Each calls f with each field of the set.
func (s JobFields) Each(f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros32(uint32(s)))
	}
}

// Fill takes what a job lacks from another view of it.
func (j *Job) Fill(from *Job) {
	(from.Given &^ j.Given).Each(func(i int) {
		switch JobFields(1) << i {
		case FieldParent:
			j.ParentID = from.ParentID
		case FieldType:
			j.Type = from.Type
		case FieldState:
			j.State = from.State
		case FieldPolicyType:
			j.PolicyType = from.PolicyType
		case FieldPolicy:
			j.Policy = from.Policy
		case FieldScheduleType:
			j.ScheduleType = from.ScheduleType
		case FieldClient:
			j.Client = from.Client
		default:
			j.fillMeasure(from, JobFields(1)<<i)
		}
	})
	j.Given |= from.Given
	j.Named |= from.Named
}

func (j *Job) fillMeasure(from *Job, f JobFields) {
	switch f {
	case FieldStatus:
		j.Status = from.Status
	case FieldTry:
		j.Try, j.OddTry = from.Try, from.OddTry
	case FieldChildren:
		j.ChildCount = from.ChildCount
	case FieldStart:
		j.Start = from.Start
	case FieldEnd:
		j.End = from.End
	case FieldActive:
		j.ActiveTryStart = from.ActiveTryStart
	case FieldUpdate:
		j.LastUpdate = from.LastUpdate
	case FieldKilobytes:
		j.KilobytesTransferred = from.KilobytesTransferred
	case FieldMoved:
		j.KilobytesDataTransferred = from.KilobytesDataTransferred
	case FieldFiles:
		j.NumberOfFiles = from.NumberOfFiles
	}
}

// Agrees says that two views may be of the same ending: whatever both give of what tells endings of a
// job apart is equal.
func (j *Job) Agrees(k *Job) bool {
	both := j.Given & k.Given
	return (both&FieldTry == 0 || j.Try == k.Try) &&
		(both&FieldStart == 0 || j.Start.Equal(k.Start)) &&
		(both&FieldEnd == 0 || j.End.Equal(k.End))
}
