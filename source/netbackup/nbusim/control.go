package nbusim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// controlMount is where a test in another process finds what a real server does not have:
//
//	GET    /nbusim/truth?since=MS   what a perfect counter says, of the jobs that ended since then
//	GET    /nbusim/settled          {"settled": true} once nothing is going to happen any more by itself
//	GET    /nbusim/requests         requests by path
//	POST   /nbusim/faults           adds a fault, see faultOrder
//	DELETE /nbusim/faults           takes every fault away
//	POST   /nbusim/workload         {"jobsPerMinute": 60, "seed": 1, "meanRunMs": 20000}; 0 lets no new jobs come
//
// Nothing there asks for a credential: the simulator belongs on loopback.
const controlMount = "/nbusim/"

func (s *Server) control(req *http.Request) reply {
	switch req.Method + " " + strings.TrimPrefix(req.URL.Path, controlMount) {
	case "GET truth":
		return s.tellTruth(req)
	case "GET settled":
		return controlReply(map[string]bool{"settled": s.Settled()})
	case "GET requests":
		return controlReply(s.requestCounts())
	case "POST faults":
		return s.orderFault(req)
	case "DELETE faults":
		s.ClearFaults()
		return controlReply(struct{}{})
	case "POST workload":
		return s.orderWork(req)
	}
	return newReply(http.StatusNotFound, "text/plain", []byte("there is nothing at "+req.URL.Path+"\n"))
}

func controlReply(v any) reply {
	b, err := json.Marshal(v)
	if err != nil {
		return newReply(http.StatusInternalServerError, "text/plain", []byte(err.Error()))
	}
	return newReply(http.StatusOK, "application/json", b)
}

func refused(err error) reply {
	return newReply(http.StatusBadRequest, "text/plain", []byte(err.Error()+"\n"))
}

func (s *Server) requestCounts() map[string]int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	counts := map[string]int{}
	maps.Copy(counts, s.faults.counts)
	return counts
}

// report is the truth as JSON.
type report struct {
	Jobs      int               `json:"jobs"`
	Completed []completedReport `json:"completed"`
	Work      []workReport      `json:"work"`
	Clients   []clientReport    `json:"clients"`
}

type completedReport struct {
	JobType      string `json:"job_type"`
	PolicyType   string `json:"policy_type"`
	Policy       string `json:"policy"`
	ScheduleType string `json:"schedule_type"`
	Result       string `json:"result"`
	Status       int    `json:"status"`
	Parent       bool   `json:"parent"`
	Count        int64  `json:"count"`
}

type workReport struct {
	JobType    string `json:"job_type"`
	PolicyType string `json:"policy_type"`
	Policy     string `json:"policy"`
	Bytes      int64  `json:"bytes"`
	MovedBytes int64  `json:"moved_bytes"`
	Files      int64  `json:"files"`
	Retries    int64  `json:"retries"`
}

type clientReport struct {
	Client              string `json:"client"`
	Policy              string `json:"policy"`
	LastSuccess         int64  `json:"last_success"` // seconds since the epoch; 0 is never
	LastAttempt         int64  `json:"last_attempt"`
	LastStatus          int    `json:"last_status"`
	LastBytes           int64  `json:"last_bytes"`
	ConsecutiveFailures int    `json:"consecutive_failures"`
}

// MarshalJSON writes the truth as lists with the labels of the metrics, in a fixed order.
func (t Truth) MarshalJSON() ([]byte, error) {
	r := report{Jobs: len(t.Completions), Completed: []completedReport{}, Work: []workReport{}, Clients: []clientReport{}}
	for k, n := range t.Completed {
		r.Completed = append(r.Completed, completedReport{
			k.JobType, k.PolicyType, k.Policy, k.ScheduleType, k.Result, k.Status, k.Parent, n,
		})
	}
	for k, a := range t.Work {
		r.Work = append(r.Work, workReport{k.JobType, k.PolicyType, k.Policy, a.Bytes, a.MovedBytes, a.Files, a.Retries})
	}
	for k, c := range t.Clients {
		success := int64(0)
		for _, at := range c.LastSuccess {
			success = max(success, at.End.Unix())
		}
		r.Clients = append(r.Clients, clientReport{
			k.Client, k.Policy, success, c.LastAttempt.Unix(), c.LastStatus, c.LastBytes, c.ConsecutiveFailures,
		})
	}
	inOrder(r.Completed)
	inOrder(r.Work)
	inOrder(r.Clients)
	return json.Marshal(r)
}

func inOrder[T any](list []T) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

func (s *Server) tellTruth(req *http.Request) reply {
	since, err := numberIn(req.URL.Query(), "since", 0, 0, 1<<62)
	if err != nil {
		return refused(err)
	}
	from := time.UnixMilli(int64(since))
	return controlReply(s.TruthOf(func(c Completion) bool { return !c.End.Before(from) }))
}

// faultOrder is a fault as JSON. The effects are delay, status, old-status, retry-after,
// proxy-page, truncated, oversized, slow-body, reset, content-type, body, refuse-filter, empty-list,
// redirect, echo, refuse-limit, no-entity and foreign-not-found.
type faultOrder struct {
	Path   string `json:"path"`
	Query  string `json:"query"`
	Skip   int    `json:"skip"`
	Times  int    `json:"times"`
	Effect string `json:"effect"`
	Code   int    `json:"code"`  // for status, old-status, retry-after and echo; the rows at most for refuse-limit
	MS     int    `json:"ms"`    // for delay, retry-after and slow-body
	Bytes  int    `json:"bytes"` // for oversized and slow-body
	Text   string `json:"text"`  // for content-type, body, refuse-filter and redirect
}

func (o faultOrder) effect() (Effect, error) {
	pause := time.Duration(o.MS) * time.Millisecond
	for _, e := range []Effect{
		Delay(pause), Status(o.Code), OldStatus(o.Code), RetryAfter(o.Code, pause), ProxyPage(), Truncated(),
		Oversized(o.Bytes), SlowBody(o.Bytes, pause), Reset(), ContentType(o.Text), Body(o.Text),
		RefuseFilter(o.Text), EmptyList(), Redirect(o.Text), Echo(o.Code), RefuseLimit(o.Code), NoEntity(), ForeignNotFound(),
	} {
		if e.name == o.Effect {
			return e, nil
		}
	}
	return Effect{}, fmt.Errorf("add a fault: there is no effect %q", o.Effect)
}

func (s *Server) orderFault(req *http.Request) reply {
	var o faultOrder
	if err := json.NewDecoder(req.Body).Decode(&o); err != nil {
		return refused(fmt.Errorf("read the fault: %w", err))
	}
	e, err := o.effect()
	if err != nil {
		return refused(err)
	}
	s.Inject(Fault{Path: o.Path, Query: o.Query, Skip: o.Skip, Times: o.Times, Effect: e})
	return controlReply(struct{}{})
}

func (s *Server) orderWork(req *http.Request) reply {
	var o struct {
		JobsPerMinute float64 `json:"jobsPerMinute"`
		Seed          uint64  `json:"seed"`
		MeanRunMS     int64   `json:"meanRunMs"`
	}
	if err := json.NewDecoder(req.Body).Decode(&o); err != nil {
		return refused(fmt.Errorf("read the workload: %w", err))
	}
	s.Work(Workload{Seed: o.Seed, JobsPerMinute: o.JobsPerMinute, MeanRun: time.Duration(o.MeanRunMS) * time.Millisecond})
	return controlReply(struct{}{})
}
