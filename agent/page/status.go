package page

import (
	"fmt"
	"time"
)

// Status is what the running agent says of itself. /status.json is its JSON form.
type Status struct {
	Version   string           `json:"version"`
	Started   time.Time        `json:"started"`
	Now       time.Time        `json:"now"`
	Unhealthy string           `json:"unhealthy,omitempty"` // why, empty where all is well
	Unready   string           `json:"unready,omitempty"`   // why, empty once it is
	Down      string           `json:"down,omitempty"`      // why this is from the queue alone and not from an agent
	Seen      *time.Time       `json:"seen,omitempty"`      // with Down: when an agent last wrote into the queue
	Sites     []SiteStatus     `json:"sites"`
	Queue     QueueStatus      `json:"queue"`
	Endpoints []EndpointStatus `json:"endpoints"`
}

// SiteStatus is one site and its cycles.
type SiteStatus struct {
	Name       string            `json:"name"`
	URL        string            `json:"url"`
	Server     string            `json:"server,omitempty"`  // the primary's own name
	Version    string            `json:"version,omitempty"` // NetBackup's
	State      string            `json:"state"`             // "starting", "up", "down"
	Running    *time.Time        `json:"running,omitempty"` // when the cycle under way began
	Committed  *time.Time        `json:"committed,omitempty"`
	Cycles     uint64            `json:"cycles"`
	Failed     uint64            `json:"failed"`
	Panics     uint64            `json:"panics"`
	Missed     uint64            `json:"missed_ticks"`
	Commits    uint64            `json:"commits"`
	Refused    uint64            `json:"commit_errors"`
	Limited    uint64            `json:"limits_exceeded"` // times that the primary gave more than the agent takes
	Collectors []CollectorStatus `json:"collectors"`
	Recent     []CycleStatus     `json:"recent_cycles"` // the newest first

	// How many found no room under the caps on series in the last day; of clients, with their policy.
	ClientsWithoutSeries  int `json:"clients_without_series,omitempty"`
	PoliciesWithoutSeries int `json:"policies_without_series,omitempty"`
}

// CollectorStatus is one collector in the site's last batch.
type CollectorStatus struct {
	Name        string     `json:"name"`
	Success     bool       `json:"success"`
	NotOffered  bool       `json:"not_offered,omitempty"` // the server does not have what it asks for
	Error       string     `json:"error,omitempty"`
	Warning     string     `json:"warning,omitempty"` // what could not be read though it succeeded
	Seconds     float64    `json:"duration_seconds"`
	LastSuccess *time.Time `json:"last_success,omitempty"`
	Unreadable  uint64     `json:"rows_unreadable,omitempty"` // rows that said too little to be used, counted at each reading
}

// CycleStatus is one finished cycle.
type CycleStatus struct {
	Tick    time.Time `json:"tick"`
	Seconds float64   `json:"duration_seconds"`
	Batches int       `json:"batches"`
	Samples int       `json:"samples"`
	Error   string    `json:"error,omitempty"`
}

// QueueStatus is the log on disk.
type QueueStatus struct {
	Dir            string       `json:"dir"`
	Bytes          int64        `json:"bytes"`
	MaxBytes       int64        `json:"max_bytes"`
	Segments       int          `json:"segments"`
	Records        uint64       `json:"records"` // written since the queue began, and so are samples
	Samples        uint64       `json:"samples"`
	Oldest         *time.Time   `json:"oldest,omitempty"`
	PendingRecords uint64       `json:"pending_records"` // in memory, because the disk takes nothing
	Failures       int          `json:"commit_failures"` // since the last commit that was written
	Losses         []LossStatus `json:"losses,omitempty"`
}

// LossStatus is what was lost since the queue was opened, and why.
type LossStatus struct {
	Endpoint string `json:"endpoint,omitempty"` // empty for what never was in the log
	Reason   string `json:"reason"`
	Records  uint64 `json:"records"`
	Samples  uint64 `json:"samples"`
}

// EndpointStatus is one endpoint and how far it has come.
type EndpointStatus struct {
	Name     string            `json:"name"`
	URL      string            `json:"url"`
	Protocol string            `json:"protocol"`
	Samples  uint64            `json:"samples"`
	Retried  uint64            `json:"samples_retried"`
	Rejected map[string]uint64 `json:"samples_rejected,omitempty"`          // by status code
	Dropped  map[string]uint64 `json:"samples_dropped,omitempty"`           // by reason
	Requests map[string]uint64 `json:"requests,omitempty"`                  // by status code
	Parked   int               `json:"samples_parked,omitempty"`            // set aside, because the receiver fails on these and takes others
	Bytes    uint64            `json:"bytes"`                               // of request bodies
	Window   float64           `json:"receiver_window_seconds,omitempty"`   // how late a sample may be, at least, as measured
	TooLate  float64           `json:"receiver_too_late_seconds,omitempty"` // what is so late is refused, as measured

	Natives       string `json:"native_histograms,omitempty"`               // "sent", or why they are not although they are wanted
	NativePoints  uint64 `json:"native_histogram_points,omitempty"`         // that the receiver took
	NativeRefused uint64 `json:"native_histogram_points_refused,omitempty"` // that it did not take, and that are not sent again

	Pending     uint64     `json:"samples_pending"`        // in the queue, without a final verdict
	Past        uint64     `json:"samples_past,omitempty"` // of these, what is sent after the newest
	PastSince   *time.Time `json:"past_since,omitempty"`   // from when on
	HighestSent *time.Time `json:"highest_sent,omitempty"`
	Lag         float64    `json:"lag_seconds"`      // age of the oldest batch that is pending
	State       string     `json:"state"`            // sending, catching_up, waiting, paused or refusing
	Paused      string     `json:"paused,omitempty"` // why nothing is sent until somebody acts
	Error       string     `json:"error,omitempty"`
}

// stuckAfter is how old the oldest pending batch is at an endpoint that is stuck and not just busy.
const stuckAfter = 10 * time.Minute

// Stuck says that somebody has to look: nothing is accepted, and has not been for a while.
func (e *EndpointStatus) Stuck() bool {
	return e.Paused != "" || e.Error != "" && e.Lag >= stuckAfter.Seconds()
}

// Condition is how an endpoint is doing, in words: paused, refusing, stuck, retrying, catching up or ok.
func (e *EndpointStatus) Condition() string {
	switch {
	case e.State == "refusing":
		return "refuses everything; all samples are kept: " + e.Paused
	case e.Paused != "":
		return "paused: " + e.Paused
	case e.Stuck():
		return "stuck, " + Roughly(time.Duration(e.Lag*float64(time.Second))) + " behind: " + e.Error
	case e.Error != "":
		return "retrying: " + e.Error
	case e.Past > 0 && e.PastSince != nil:
		return fmt.Sprintf("catching up: the newest sample is there, the past since %s is being sent (%d samples)", e.PastSince.Format("2006-01-02 15:04 MST"), e.Past)
	case e.State == "catching_up":
		return fmt.Sprintf("catching up: %d samples are pending, the oldest first", e.Pending)
	}
	return "ok"
}

// Instant is nil for the zero time, which JSON would spell as the year 1.
func Instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
