package agent

import (
	"time"

	"backwire/agent/page"
	"backwire/remotewrite/queue"
	"backwire/remotewrite/send"
	"backwire/source/netbackup"
)

// This file turns the state of the other packages into what the page shows.

// describeSite is what a site knows of itself.
func describeSite(from netbackup.Status, to *page.SiteStatus) {
	to.Server, to.Version, to.Limited = from.Server, from.ServerVersion, from.Limited
	to.ClientsWithoutSeries, to.PoliciesWithoutSeries = from.ClientsWithoutSeries, from.PoliciesWithoutSeries
	to.State = "down"
	if from.Up {
		to.State = "up"
	}
	if to.Cycles == 0 {
		to.State = "starting"
	}
	for _, c := range from.Collectors {
		described := page.CollectorStatus{
			Name: c.Name, Success: c.Err == nil, NotOffered: c.NotOffered, Warning: c.Warning,
			Seconds: c.Took.Seconds(), LastSuccess: page.Instant(c.LastSuccess), Unreadable: c.RowsUnreadable,
		}
		if c.Err != nil {
			described.Error = c.Err.Error()
		}
		to.Collectors = append(to.Collectors, described)
	}
}

// describeEndpoint is what an endpoint knows of itself, and the queue of its place.
func describeEndpoint(s send.Stats, at queue.CursorStats, url string) page.EndpointStatus {
	d := page.EndpointStatus{
		Name: s.Endpoint, URL: url, Protocol: s.Protocol,
		Samples: s.Samples, Retried: s.Retried, Rejected: s.Rejected, Dropped: s.Dropped,
		Requests: s.Requests, Bytes: s.Bytes,
		Parked: s.Parked, State: string(s.State), Window: s.Window.Seconds(), TooLate: s.TooLate.Seconds(), Natives: s.Natives, NativePoints: s.NativePoints, NativeRefused: s.NativeRefused,
		Pending: at.Lag.Samples, Lag: at.Behind(time.Now()).Seconds(), Paused: s.Paused, Error: s.LastError,
	}
	if d.Past = at.Past.Samples; d.Past > 0 && at.Unsent > 0 {
		d.PastSince = page.Instant(time.UnixMilli(at.Unsent))
	}
	if s.HighestSent > 0 {
		d.HighestSent = page.Instant(time.UnixMilli(s.HighestSent))
	}
	return d
}

// describeQueue is what the queue knows of itself.
func describeQueue(s queue.Stats, dir string) page.QueueStatus {
	d := page.QueueStatus{
		Dir: dir, Bytes: s.Bytes, MaxBytes: s.MaxBytes, Segments: s.Segments,
		Records: s.Written.Records, Samples: s.Written.Samples,
		PendingRecords: s.Pending.Records, Failures: s.Failures,
	}
	if s.Oldest > 0 {
		d.Oldest = page.Instant(time.UnixMilli(s.Oldest))
	}
	for _, loss := range s.Losses {
		d.Losses = append(d.Losses, page.LossStatus{Endpoint: loss.Endpoint, Reason: loss.Reason, Records: loss.Records, Samples: loss.Samples})
	}
	return d
}
