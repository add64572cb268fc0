package api

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
