package nbusim

import "strings"

// view is a job at a moment, which is what columns look at.
type view struct {
	*job
	now int64 // ms
}

// shown says that the API lists the job.
func (v *view) shown() bool { return v.shownAt <= v.now }

const (
	ranked   = "eq ne lt gt le ge"
	equal    = "eq ne"
	matching = "eq ne contains startswith endswith"
)

// jobColumns is the table of /admin/jobs in a release: the attributes in the order of the documents' example,
// with the names that filters and sorts know apart in front.
func jobColumns(r release) columns[view] {
	cs := append(jobFilterColumns(), jobPlaceColumns()...)
	cs = append(cs, jobProgressColumns()...)
	for i := range cs {
		cs[i] = inRelease(cs[i], r)
	}
	return cs
}

// inRelease takes away what a release does not have yet: filters on backupId came with 10.5, and up
// to 11.0 the name that sorts by the try was tryField.
func inRelease(c column[view], r release) column[view] {
	switch {
	case c.name == "backupId" && r.api < 12:
		c.operators = ""
	case c.name == "tryField":
		c.sortable = r.api < 14
	case c.name == "try":
		c.sortable = r.api >= 14
	}
	return c
}

// jobFilterColumns are enumerations that filters know by number while the answer has words,
// and attributes that have another name there.
func jobFilterColumns() columns[view] {
	code := func(name, operators string, n func(view) int64) column[view] {
		return column[view]{name, integer, operators, true, true, func(v *view) value { return number(n(*v)) }}
	}
	zero := func(view) int64 { return 0 }
	return columns[view]{
		code("applicationType", "eq", func(v view) int64 { return v.application() }),
		code("dataMovement", "eq", zero),
		code("offHostType", equal, zero),
		code("transportType", "eq", zero),
		code("qReasonCode", equal, func(v view) int64 { return int64(v.waitReason()) }),
		code("retention", "", func(view) int64 { return 3 }),
		code("killable", "", zero),
		code("tryField", "", func(v view) int64 { return int64(v.try) }),
		{"qResource", text, "eq", true, true, func(v *view) value { return str(v.waitResource()) }},
		{"assetNamespace", text, "", true, true, func(*view) value { return str("") }},
	}
}

func jobPlaceColumns() columns[view] {
	s := func(name, operators string, get func(*view) string) column[view] {
		return column[view]{name, text, operators, true, false, func(v *view) value { return str(get(v)) }}
	}
	n := func(name, operators string, get func(*view) int64) column[view] {
		return column[view]{name, integer, operators, true, false, func(v *view) value { return number(get(v)) }}
	}
	none := func(*view) string { return "" }
	zero := func(*view) int64 { return 0 }
	return columns[view]{
		n("jobId", ranked, func(v *view) int64 { return v.ID }),
		n("parentJobId", ranked, (*view).parent),
		n("activeProcessId", ranked, func(v *view) int64 { return 1000 + v.ID%30000 }),
		n("mainProcessId", "", zero),
		s("jobType", equal, func(v *view) string { return v.Type }),
		s("jobSubType", "", func(v *view) string { return v.SubType }),
		s("policyType", equal, func(v *view) string { return v.PolicyType }),
		s("policyName", "contains startswith endswith", func(v *view) string { return v.Policy }),
		s("scheduleType", "", func(v *view) string { return v.ScheduleType }),
		s("scheduleName", matching, func(v *view) string { return v.Schedule }),
		s("clientName", matching, func(v *view) string { return v.Client }),
		s("controlHost", "", none),
		s("jobOwner", "eq", func(v *view) string { return v.Owner }),
		s("jobGroup", "", none),
		s("backupId", "eq", (*view).backupID),
		s("sourceMediaId", "", none),
		s("sourceStorageUnitName", "", none),
		s("sourceMediaServerName", matching, none),
		s("destinationMediaId", "eq", none),
		s("destinationStorageUnitName", "eq", func(v *view) string { return v.StorageUnit }),
		s("destinationMediaServerName", matching, func(v *view) string { return v.MediaServer }),
		s("applicationType", "", (*view).applicationWord),
		s("dataMovement", "", func(*view) string { return "STANDARD" }),
		s("offHostType", "", func(*view) string { return "STANDARD" }),
		s("transportType", "", func(*view) string { return "LAN" }),
		s("dteMode", "eq", func(*view) string { return "OFF" }),
		n("streamNumber", "", func(v *view) int64 { return int64(v.Stream) }),
		n("copyNumber", ranked, func(v *view) int64 { return int64(v.Copy) }),
		n("priority", ranked, zero),
		n("retentionLevel", "", func(*view) int64 { return 3 }),
		n("compression", "", zero),
		s("robotName", "eq", none),
		s("vaultName", "eq", none),
		s("profileName", "eq", none),
		n("sessionId", ranked, zero),
		n("numberOfTapeToEject", ranked, zero),
		n("submissionType", "", zero),
		s("dumpHost", "eq", none),
		s("instanceDatabaseName", "eq", none),
		s("auditUserName", "", none),
		s("auditDomainName", "", none),
		n("auditDomainType", "", zero),
		s("restoreBackupIDs", matching, none),
		s("assetID", "eq", none),
		s("assetDisplayableName", matching, func(v *view) string { return v.Client }),
		s("workloadDisplayName", matching, func(v *view) string { return v.Client }),
		n("frozenImage", "", zero),
		n("childCount", "", func(v *view) int64 { return int64(v.children) }),
		s("jobPath", matching, (*view).path),
	}
}

func jobProgressColumns() columns[view] {
	n := func(name, operators string, get func(*view) int64) column[view] {
		return column[view]{name, integer, operators, true, false, func(v *view) value { return number(get(v)) }}
	}
	f := func(name, operators string, get func(*view) float64) column[view] {
		return column[view]{name, float, operators, true, false, func(v *view) value { return ratio(get(v)) }}
	}
	at := func(name string, get func(*view) int64) column[view] {
		return column[view]{name, date, ranked, true, false, func(v *view) value { return instant(get(v)) }}
	}
	lasts := func(name string, get func(*view) int64) column[view] {
		return column[view]{name, duration, ranked, true, false, func(v *view) value { return seconds(get(v)) }}
	}
	unsorted := func(c column[view]) column[view] { c.sortable = false; return c }
	return columns[view]{
		n("status", ranked, func(v *view) int64 { return int64(v.status) }),
		{"state", text, equal, true, false, func(v *view) value { return str(string(v.state)) }},
		n("numberOfFiles", ranked, func(v *view) int64 { return v.moved(v.now).Files }),
		n("estimatedFiles", "", func(v *view) int64 { return v.Work.Files }),
		n("kilobytesTransferred", ranked, func(v *view) int64 { return v.moved(v.now).Kilobytes }),
		n("kilobytesDataTransferred", "", func(v *view) int64 { return v.moved(v.now).Moved }),
		n("kilobytesToTransfer", "", (*view).toTransfer),
		n("transferRate", ranked, (*view).rate),
		n("percentComplete", ranked, (*view).percent),
		n("restartable", "", func(v *view) int64 { return flag(v.state == Done && v.status > 1).n }),
		n("suspendable", "", func(v *view) int64 { return flag(v.state == Active).n }),
		n("resumable", "", func(v *view) int64 { return flag(v.state == Suspended || v.state == Incomplete).n }),
		unsorted(n("cancellable", "", func(v *view) int64 { return flag(v.state != Done).n })),
		n("currentOperation", equal, (*view).operation),
		unsorted(n("jobQueueReason", "", func(v *view) int64 { return int64(v.waitReason()) })),
		unsorted(column[view]{"jobQueueResource", text, "", true, false, func(v *view) value { return str(v.waitResource()) }}),
		at("startTime", func(v *view) int64 { return v.start }),
		at("endTime", func(v *view) int64 { return v.end }),
		at("activeTryStartTime", func(v *view) int64 { return v.tryStart }),
		at("lastUpdateTime", func(v *view) int64 { return v.lastUpdate }),
		n("try", ranked, func(v *view) int64 { return int64(v.try) }),
		{"currentFile", text, "eq", true, false, (*view).file},
		f("acceleratorOptimization", ranked, func(*view) float64 { return 0 }),
		f("dedupRatio", ranked, (*view).savings),
		f("dedupSpaceRatio", "", (*view).savings),
		f("compressionSpaceRatio", "", func(*view) float64 { return 0 }),
		lasts("elapsedTime", func(v *view) int64 { return v.since(v.start) }),
		lasts("activeElapsedTime", func(v *view) int64 { return v.since(v.tryStart) }),
	}
}

// parent is 0 for a job that stands alone, and the own id for one that has children.
func (v *view) parent() int64 {
	if v.Parent == 0 && v.children > 0 {
		return v.ID
	}
	return v.Parent
}

func (v *view) path() string {
	if v.Parent == 0 {
		return v.idText
	}
	return itoa(int(v.Parent)) + "." + v.idText
}

func (v *view) application() int64 {
	switch v.PolicyType {
	case "VMWARE":
		return 1
	case "HYPERV":
		return 2
	}
	return 0
}

func (v *view) applicationWord() string {
	return [...]string{"NONE", "VMWARE", "HYPERV"}[v.application()]
}

func (v *view) backupID() string {
	if v.Type != "BACKUP" || v.try == 0 {
		return ""
	}
	return strings.ToLower(v.Client) + "_" + itoa(int(v.start/1000))
}

func (v *view) waiting() bool { return v.state == Queued || v.state == Requeued }

func (v *view) waitReason() int {
	if v.waiting() {
		return v.reason
	}
	return 0
}

func (v *view) waitResource() string {
	if v.waiting() {
		return v.StorageUnit
	}
	return ""
}

func (v *view) toTransfer() int64 { return v.Work.Kilobytes - v.moved(v.now).Kilobytes }

func (v *view) rate() int64 { return v.moved(v.now).Kilobytes / max(v.since(v.tryStart), 1) }

func (v *view) percent() int64 {
	switch {
	case v.state == Done:
		return 100
	case v.Work.Kilobytes == 0:
		return 0
	}
	return 100 * v.moved(v.now).Kilobytes / v.Work.Kilobytes
}

// operation is PARENT_JOB or WRITING.
func (v *view) operation() int64 {
	if v.children > 0 {
		return 27
	}
	if v.state == Active {
		return 3
	}
	return 0
}

func (v *view) file() value {
	if v.state == Active && v.children == 0 {
		return str("/srv/" + v.idText)
	}
	return str("")
}

// savings is the percentage that deduplication saved.
func (v *view) savings() float64 {
	w := v.moved(v.now)
	if w.Kilobytes == 0 {
		return 0
	}
	return 100 * (1 - float64(w.Moved)/float64(w.Kilobytes))
}

// since is the seconds from a time to the job's end, or to now while it is not done.
func (v *view) since(from int64) int64 {
	if from == 0 {
		return 0
	}
	to := v.now
	if v.state == Done {
		to = v.end
	}
	return max((to-from)/1000, 0)
}
