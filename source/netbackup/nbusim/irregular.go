package nbusim

import "strconv"

// Irregularity is a set of ways to answer otherwise than the documents say. Words outside their
// enumeration stand in the documents' own examples (admin.yaml: scheduleType FULL), and no attribute is documented as required.
// The rest is an assumption, as is how often each happens. What is counted stays true; only how it is written changes.
type Irregularity uint

// The irregularities.
const (
	NumericIDs             Irregularity = 1 << iota // data[].id is a number
	UndocumentedAttributes                          // attributes that no document names, objects among them
	UnknownEnums                                    // words that are in no enumeration: scheduleType FULL, for instance
	Nulls                                           // null in place of attributes that are not counted
	EmptyStrings                                    // "" where a number is documented
	DateForms                                       // dates also end in a bare Z
	ShortFloats                                     // 0 and not 0.0
	ClockDurations                                  // elapsedTime as hh:mm:ss

	Regular           Irregularity = 0
	EveryIrregularity              = ClockDurations<<1 - 1
)

func (i Irregularity) has(one Irregularity) bool { return i&one != 0 }

const undocumented = `,"done":1,"killable":1,"providerGeneratedId":null,"vendorDetail":{"stages":[1,null,{"name":"x"}]}`

// distort changes a job's words when it is queued, so that the truth has the same words as the answers.
func (i Irregularity) distort(j *job) {
	if !i.has(UnknownEnums) {
		return
	}
	switch j.ScheduleType {
	case "FULL_BACKUP":
		j.ScheduleType = "FULL"
	case "DIFFERENTIAL_INCREMENTAL_BACKUP":
		j.ScheduleType = "INCR"
	}
}

// attribute is the odd JSON of an attribute, if it is odd in this job.
func (i Irregularity) attribute(name string, v *view) (string, bool) {
	if i == Regular || v.ID%3 == 0 { // a third of the jobs is well behaved
		return "", false
	}
	switch name {
	case "jobOwner", "jobGroup", "auditUserName", "currentFile", "acceleratorOptimization", "retentionLevel", "dedupRatio":
		return "null", i.has(Nulls)
	case "priority", "transferRate", "copyNumber":
		return `""`, i.has(EmptyStrings)
	case "activeProcessId":
		return `"` + strconv.FormatInt(v.ID, 10) + `"`, i.has(EmptyStrings)
	case "dteMode":
		return `"PREFERRED_ON"`, i.has(UnknownEnums)
	case "applicationType":
		return `"PROXMOX"`, i.has(UnknownEnums)
	}
	return "", false
}
