package page

import (
	"fmt"
	"time"

	"backwire/source/overview"
)

// The chart's own units; the page stretches it to its width.
const (
	barPitch  = 10
	barWidth  = 8
	roomAbove = 150 // the line between good and failed
	roomBelow = 50
	leastSeen = 2.5 // of what is not nothing
)

// chart is the backups by the hour: what is good is above a line, what failed is below it, so that nobody
// has to tell colours apart.
type chart struct {
	Width, Height float64
	Line          float64 // its height
	Night         float64 // how wide the night is, from the left
	Bars          []bar
	Total         counts // of the night
	Busiest       string
	Story         string // for who does not see it
}

// counts is backups by result.
type counts struct{ Success, Partial, Failure uint64 }

func (c counts) all() uint64 { return c.Success + c.Partial + c.Failure }

func (c *counts) add(o counts) {
	c.Success += o.Success
	c.Partial += o.Partial
	c.Failure += o.Failure
}

// bar is one hour of the clock: an hour long but where the clock was set forward or back by half an hour.
type bar struct {
	Begin   time.Time
	End     time.Time
	Name    string // "02:00"
	X       float64
	Counts  counts
	Success box
	Partial box
	Failure box
	Labeled bool // its name is written below
}

type box struct{ Y, Height float64 }

// draw makes the chart of a night and the day after it.
func (n night) draw(now time.Time, sites []*overview.Site) chart {
	ended := byQuarter(sites)
	c := chart{Height: roomAbove + roomBelow, Line: roomAbove, Bars: n.hours(now)}
	every := 2 // hours between two names
	if len(c.Bars) > 16 {
		every = 4
	}
	for i := range c.Bars {
		b := &c.Bars[i]
		b.Name, b.X = b.Begin.Format("15:04"), c.Width
		b.Labeled = b.Begin.Hour()%every == 0 && b.Begin.Minute() == 0
		for at := b.Begin; at.Before(b.End); at = at.Add(quarter) {
			b.Counts.add(ended[quarterOf(at)])
		}
		c.Width += barPitch
		if b.Begin.Before(n.End) {
			c.Total.add(b.Counts)
			c.Night += barPitch
		}
	}
	c.stack()
	c.tell(n)
	return c
}

// quarter is what overviews count by, and what every zone's hours are made of.
const quarter = 15 * time.Minute

func quarterOf(t time.Time) int64 { return t.Unix() / int64(quarter/time.Second) }

// hours are those of the clock from the beginning of the night to the one that is under way, at least to the night's end.
// A day may have 23 or 25 of them, or one of half the length.
func (n night) hours(now time.Time) []bar {
	var bars []bar
	before := -1 // minute of the day, by the clock
	for at := n.Start; at.Before(n.End) || !at.After(now); at = at.Add(quarter) {
		clock := at.Hour()*60 + at.Minute()
		if len(bars) == 0 || clock/60 != before/60 || at.Minute() == 0 {
			bars = append(bars, bar{Begin: at})
		}
		bars[len(bars)-1].End, before = at.Add(quarter), clock
	}
	last := &bars[len(bars)-1]
	for last.End.Hour() == last.Begin.Hour() && last.End.Minute() != 0 { // the whole of the hour that is under way
		last.End = last.End.Add(quarter)
	}
	return bars
}

// byQuarter adds the sites up.
func byQuarter(sites []*overview.Site) map[int64]counts {
	quarters := map[int64]counts{}
	for i := range sites {
		for _, h := range sites[i].Hours {
			t := quarters[quarterOf(h.Begin)]
			t.add(counts{h.Success, h.Partial, h.Failure})
			quarters[quarterOf(h.Begin)] = t
		}
	}
	return quarters
}

// stack gives every bar its boxes, all on one scale.
func (c *chart) stack() {
	var above, below uint64
	for i := range c.Bars {
		above = max(above, c.Bars[i].Counts.Success+c.Bars[i].Counts.Partial)
		below = max(below, c.Bars[i].Counts.Failure)
	}
	scale := min(roomAbove/float64(max(above, 1)), roomBelow/float64(max(below, 1)))
	for i := range c.Bars {
		b := &c.Bars[i]
		b.Success = box{Height: height(b.Counts.Success, scale)}
		b.Partial = box{Height: height(b.Counts.Partial, scale)}
		b.Failure = box{Y: c.Line + 1, Height: height(b.Counts.Failure, scale)}
		b.Success.Y = c.Line - b.Success.Height
		b.Partial.Y = max(b.Success.Y-b.Partial.Height, 0)
	}
}

func height(n uint64, scale float64) float64 {
	if n == 0 {
		return 0
	}
	return max(float64(n)*scale, leastSeen)
}

// tell says in words what the chart shows.
func (c *chart) tell(n night) {
	busiest := 0
	for i := range c.Bars {
		if c.Bars[i].Counts.all() > c.Bars[busiest].Counts.all() {
			busiest = i
		}
	}
	if most := c.Bars[busiest]; most.Counts.all() > 0 {
		c.Busiest = fmt.Sprintf("Busiest hour: %s, %s backups.", most.Name, grouped(most.Counts.all()))
	}
	c.Story = fmt.Sprintf("Backups by the hour from %s to %s: in the night %s succeeded, %s were partially successful and %s failed. %s",
		n.Start.Format("Monday 15:04"), c.Bars[len(c.Bars)-1].End.Format("Monday 15:04"),
		grouped(c.Total.Success), grouped(c.Total.Partial), grouped(c.Total.Failure), c.Busiest)
}
