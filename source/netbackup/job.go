package netbackup

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
	SubType      string
	State        string // one of the State… words, or another
	PolicyType   string
	Policy       string
	Schedule     string
	ScheduleType string
	Client       string

	SourceMediaServer      string
	DestinationMediaServer string
	StorageUnit            string // the one written to

	Status        Optional[int64] // 0 success, 1 partial, else failed; the server gives 0 while a job runs
	Try           int64           // 1 for the first; 0 where absent
	QueueReason   int64           // 1 to 31, -99 unknown, 0 none
	QueueResource string
	ChildCount    int64

	Start, End     time.Time // zero where absent; a job that is not done has no End
	ActiveTryStart time.Time
	LastUpdate     time.Time
	Elapsed        Optional[time.Duration]

	KilobytesTransferred     Optional[int64] // KiB; estimated
	KilobytesDataTransferred Optional[int64] // KiB; really moved
	NumberOfFiles            Optional[int64]
	TransferRate             Optional[int64] // kB/s
	DedupRatio               Optional[float64]
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

// jobsPage is the documented maximum of page[limit] for /admin/jobs.
const jobsPage = 100

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
		client: c, noun: jobNoun, path: "/admin/jobs", query: query, row: jobRow,
		size: jobsPage, limit: q.Limit, pager: byCursor, lenient: true,
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
		switch string(name) {
		case "jobId":
			j.ID = cmp.Or(d.integer().Value, j.ID)
		case "parentJobId":
			j.ParentID = d.integer().Value
		case "jobType":
			j.Type = d.text()
		case "jobSubType":
			j.SubType = d.text()
		case "state":
			j.State = d.text()
		case "policyType":
			j.PolicyType = d.text()
		case "policyName":
			j.Policy = d.text()
		case "scheduleName":
			j.Schedule = d.text()
		case "scheduleType":
			j.ScheduleType = d.text()
		case "clientName":
			j.Client = d.text()
		case "sourceMediaServerName":
			j.SourceMediaServer = d.text()
		case "destinationMediaServerName":
			j.DestinationMediaServer = d.text()
		case "destinationStorageUnitName":
			j.StorageUnit = d.text()
		case "jobQueueResource":
			j.QueueResource = d.text()
		default:
			jobMeasure(d, name, j)
		}
	}
}

// jobMeasure is the rest of the table: how the job went.
func jobMeasure(d *decoder, name []byte, j *Job) {
	switch string(name) {
	case "status":
		j.Status = d.within(0, mostStatus)
	case "try":
		j.Try = d.within(0, mostTries).Value
	case "jobQueueReason":
		j.QueueReason = d.within(leastQueueReason, mostQueueReason).Value
	case "childCount":
		j.ChildCount = d.within(0, mostChildren).Value
	case "startTime":
		j.Start = d.instant()
	case "endTime":
		j.End = d.instant()
	case "activeTryStartTime":
		j.ActiveTryStart = d.instant()
	case "lastUpdateTime":
		j.LastUpdate = d.instant()
	case "elapsedTime":
		j.Elapsed = d.span()
	case "kilobytesTransferred":
		j.KilobytesTransferred = d.within(0, mostJobKilobytes)
	case "kilobytesDataTransferred":
		j.KilobytesDataTransferred = d.within(0, mostJobKilobytes)
	case "numberOfFiles":
		j.NumberOfFiles = d.within(0, mostJobFiles)
	case "transferRate":
		j.TransferRate = d.within(0, mostTransferRate)
	case "dedupRatio":
		j.DedupRatio = d.numberWithin(0, mostDedupRatio)
	default:
		d.skip()
	}
}
