package agent

import (
	"fmt"
	"time"
)

// The chart's own units; the page stretches it to its width.
const (
	barPitch   = 10
	barWidth   = 8
	roomAbove  = 150 // the line between good and failed
	roomBelow  = 50
	leastSeen  = 2.5 // of what is not nothing
	longestDay = 30  // hours that are shown at most
)

// chart is the backups by the hour: what is good stands on a line, what failed hangs below it, so that nobody
// has to tell colours apart.
type chart struct {
	Width, Height float64
	Line          float64 // its height
	Night         float64 // how wide the night is, from the left
	Bars          []bar
	Total         tally // of the night
	Busiest       string
	Story         string // for who does not see it
}

// tally is backups by result.
type tally struct{ Success, Partial, Failure uint64 }

func (t tally) all() uint64 { return t.Success + t.Partial + t.Failure }

func (t *tally) add(o tally) {
	t.Success += o.Success
	t.Partial += o.Partial
	t.Failure += o.Failure
}

// bar is one hour.
type bar struct {
	Begin   time.Time
	Name    string // "02:00"
	X       float64
	Counts  tally
	Success box
	Partial box
	Failure box
	Labeled bool // its name is written below
}

type box struct{ Y, Height float64 }

// draw makes the chart of a night and the day after it.
func (n night) draw(now time.Time, sites []SitePicture) chart {
	hours := byHour(sites)
	first := n.Start.Unix() / 3600
	last := min(max(n.End.Unix()/3600, now.Unix()/3600+1), first+longestDay)
	every := 2 // hours between two names
	if last-first > 16 {
		every = 4
	}
	c := chart{Height: roomAbove + roomBelow, Line: roomAbove, Width: float64(last-first) * barPitch}
	for hour := first; hour < last; hour++ {
		begin := time.Unix(hour*3600, 0).In(now.Location())
		c.Bars = append(c.Bars, bar{
			Counts: hours[hour], Begin: begin, Name: begin.Format("15:04"),
			X: float64(hour-first) * barPitch, Labeled: begin.Hour()%every == 0,
		})
		if begin.Before(n.End) {
			c.Total.add(hours[hour])
			c.Night += barPitch
		}
	}
	c.stack()
	c.tell(n)
	return c
}

// byHour adds the sites up.
func byHour(sites []SitePicture) map[int64]tally {
	hours := map[int64]tally{}
	for i := range sites {
		for _, h := range sites[i].Picture.Hours {
			t := hours[h.Begin.Unix()/3600]
			t.add(tally{h.Success, h.Partial, h.Failure})
			hours[h.Begin.Unix()/3600] = t
		}
	}
	return hours
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
		n.Start.Format("Monday 15:04"), c.Bars[len(c.Bars)-1].Begin.Add(time.Hour).Format("Monday 15:04"),
		grouped(c.Total.Success), grouped(c.Total.Partial), grouped(c.Total.Failure), c.Busiest)
}
