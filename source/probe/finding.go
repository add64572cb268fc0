package probe

import "time"

// Result is how a step ended.
type Result string

// The results. A warning is something that works today.
const (
	OK      Result = "ok"
	Warning Result = "warning"
	Failed  Result = "failed"
)

// Finding is one step of a check. Its JSON form is for machines and only ever gains fields.
type Finding struct {
	Subject string  `json:"subject"` // "site paris", "endpoint cloud"
	Step    string  `json:"step"`
	Result  Result  `json:"result"`
	Tried   string  `json:"tried"`             // what was done, on what
	Found   string  `json:"found"`             // what came back
	Next    string  `json:"next,omitempty"`    // what to do; never empty where it failed
	Command string  `json:"command,omitempty"` // that shows more of it, to be copied into a shell
	Seconds float64 `json:"seconds"`           // that it took
}

// Timed sets how long the step took.
func (f Finding) Timed(took time.Duration) Finding {
	f.Seconds = took.Seconds()
	return f
}

// Clock judges how far a server's clock is ahead of this host's.
func Clock(tried string, ahead time.Duration, resolution time.Duration, why string) Finding {
	f := Finding{Step: "clock", Result: OK, Tried: tried, Found: "within " + resolution.String() + " of this host's clock"}
	if ahead.Abs() > resolution {
		f.Found = ahead.Abs().Round(resolution).String() + " ahead of this host's clock"
		if ahead < 0 {
			f.Found = ahead.Abs().Round(resolution).String() + " behind this host's clock"
		}
	}
	if ahead.Abs() > maxSkew {
		f.Result = Warning
		f.Next = "synchronise both clocks with NTP (timedatectl or chronyc tracking shows this host's state): " + why
	}
	return f
}

// maxSkew is how far two clocks may be apart before somebody should know.
const maxSkew = time.Minute
