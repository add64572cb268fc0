package api

import (
	"cmp"
	"context"
	"iter"
	"net/url"
	"time"
)

// Job is one row of /admin/jobs: what the job database knows of a job at the moment of asking.
// A job that runs is shown again and again; LastUpdate says which view is the newer.
type Job struct {
	ID       int64
	ParentID int64 // 0 or the job's own id where it has no parent

	Type         string // BACKUP, RESTORE, DUPLICATE, …: the documented words and any other
	State        string // one of the State… words, or another
	PolicyType   string
	Policy       string
	ScheduleType string
	Client       string

	SourceMediaServer      string
	DestinationMediaServer string
	StorageUnit            string // destinationStorageUnitName

	Status      Optional[int64] // 0 success, 1 partial, else failed; the server gives 0 while a job runs
	Try         int64           // 1 for the first; 0 where absent
	QueueReason int64           // 1 to 31, -99 unknown, 0 none
	WaitsFor    string          // jobQueueResource, by the reason a storage unit, a drive, …
	Copy        int64           // copyNumber of the image that it writes; 0 where it says none
	ChildCount  int64
	Stream      int64 // number among the streams of its parent; 0 where it is none

	Start, End     time.Time // zero where absent; a job that is not done has no End
	ActiveTryStart time.Time
	LastUpdate     time.Time

	KilobytesTransferred     Optional[int64] // KiB; estimated
	KilobytesDataTransferred Optional[int64] // KiB; really moved
	NumberOfFiles            Optional[int64]
	TransferRate             Optional[int64] // kB/s
	DedupRatio               Optional[float64]

	Given  JobFields // have a value
	Named  JobFields // stood in the answer, be it as null
	OddTry bool      // the try is one that cannot be
}

// The documented states of a job.
const (
	StateQueued     = "QUEUED"
	StateActive     = "ACTIVE"
	StateRequeued   = "REQUEUED"
	StateDone       = "DONE"
	StateSuspended  = "SUSPENDED"
	StateIncomplete = "INCOMPLETE"
)

// MediaServer is the media server that works for the job: the one written to, else the
// one read from.
func (j *Job) MediaServer() string {
	if j.DestinationMediaServer != "" {
		return j.DestinationMediaServer
	}
	return j.SourceMediaServer
}

// JobQuery selects jobs. Filter and Sort are as the vendor documents them, not yet
// percent-encoded; a Limit of 0 lists all that match.
type JobQuery struct {
	Filter string
	Sort   string
	Limit  int
}

// JobsPage is the documented maximum of page[limit] for /admin/jobs.
const JobsPage = 100

// Jobs lists the jobs that match. After an error nothing more is yielded; the jobs
// before it are good.
func (c *Client) Jobs(ctx context.Context, q JobQuery) iter.Seq2[Job, error] {
	query := url.Values{}
	if q.Filter != "" {
		query.Set("filter", q.Filter)
	}
	if q.Sort != "" {
		query.Set("sort", q.Sort)
	}
	return listing[Job]{
		row: jobRow,
		list: list{
			client: c, noun: "job", path: "/admin/jobs", query: query,
			size: JobsPage, limit: q.Limit, pager: byCursor, lenient: true,
		},
	}.rows(ctx)
}

// jobRow decodes one row; a row without its job id is of no use.
func jobRow(d *decoder) (j Job, ok bool) {
	for name := range d.members() {
		switch string(name) {
		case "attributes":
			jobAttributes(d, &j)
		case "id":
			if id := d.integer(); j.ID == 0 {
				j.ID = id.Value
			}
		default:
			d.skip()
		}
	}
	return j, j.ID != 0
}

// jobAttributes is a table: what names the job and what it works for.
func jobAttributes(d *decoder, j *Job) {
	for name := range d.members() {
		var f JobFields
		switch string(name) {
		case "jobId":
			j.ID = cmp.Or(d.integer().Value, j.ID)
		case "parentJobId":
			j.ParentID, f = d.integer().Value, FieldParent
		case "jobType":
			j.Type, f = d.text(), FieldType
		case "state":
			j.State, f = d.text(), FieldState
		case "policyType":
			j.PolicyType, f = d.text(), FieldPolicyType
		case "policyName":
			j.Policy, f = d.text(), FieldPolicy
		case "scheduleType":
			j.ScheduleType, f = d.text(), FieldScheduleType
		case "clientName":
			j.Client, f = d.text(), FieldClient
		case "sourceMediaServerName":
			j.SourceMediaServer = d.text()
		case "destinationMediaServerName":
			j.DestinationMediaServer = d.text()
		case "destinationStorageUnitName":
			j.StorageUnit = d.text()
		case "jobQueueResource":
			j.WaitsFor = d.text()
		default:
			f = jobMeasure(d, name, j)
		}
		j.Named |= f
		j.OddTry = j.OddTry || (d.odd && f == FieldTry)
		if d.valued || d.odd { // what is odd comes again as it is
			j.Given |= f
		}
	}
}

// jobMeasure is the rest of the table: how the job went. It gives the field that it read.
func jobMeasure(d *decoder, name []byte, j *Job) (f JobFields) {
	switch string(name) {
	case "status":
		j.Status, f = d.within(0, mostStatus), FieldStatus
	case "try":
		j.Try, f = d.within(0, mostTries).Value, FieldTry
	case "jobQueueReason":
		j.QueueReason = d.within(leastQueueReason, mostQueueReason).Value
	case "childCount":
		j.ChildCount, f = d.within(0, mostChildren).Value, FieldChildren
	case "copyNumber":
		j.Copy = d.within(0, mostTries).Value
	case "streamNumber":
		j.Stream = d.within(0, mostChildren).Value
	case "startTime":
		j.Start, f = d.instant(), FieldStart
		d.valued = d.valued && !j.Start.IsZero()
	case "endTime":
		j.End, f = d.instant(), FieldEnd
		d.valued = d.valued && !j.End.IsZero()
	case "activeTryStartTime":
		j.ActiveTryStart, f = d.instant(), FieldActive // none where the job never ran
	case "lastUpdateTime":
		j.LastUpdate, f = d.instant(), FieldUpdate
		d.valued = d.valued && !j.LastUpdate.IsZero()
	case "kilobytesTransferred":
		j.KilobytesTransferred, f = d.within(0, mostJobKilobytes), FieldKilobytes
	case "kilobytesDataTransferred":
		j.KilobytesDataTransferred, f = d.within(0, mostJobKilobytes), FieldMoved
	case "numberOfFiles":
		j.NumberOfFiles, f = d.within(0, mostJobFiles), FieldFiles
	case "transferRate":
		j.TransferRate = d.within(0, mostTransferRate)
	case "dedupRatio":
		j.DedupRatio = d.numberUpTo(mostDedupRatio)
	default:
		d.skip()
	}
	return f
}
