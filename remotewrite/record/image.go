package record

// Image is what a segment has said so far, up to some record: what a reader needs to
// understand the next one, and a writer to write it.
type Image struct {
	Dict   *Dictionary
	Values []uint64 // the last value of each series, as the bits of a float64
	owners []uint32 // the site of each series
	times  []int64  // of each series' newest sample, stale markers included, ms since the epoch; nil if nothing is appended
	sites  []*siteImage
	Before Totals   // of all that was written before this segment
	Past   Contents // of the segment before this one
	Had    Contents // of this segment so far
}

// siteImage is one site in an image.
type siteImage struct {
	name    string
	t       int64             // of its last batch, ms since the epoch; 0 if it never had one
	present Set               // what its last batch knew and partial ones since added
	settled uint32            // series below it that are neither present nor loose have ended
	loose   Set               // changed by silent batches since, which do not list the present series
	ended   endings           // of series that are forgotten
	state   map[string][]byte // nil if not needed: an endpoint sends samples, not state
}

// settle takes a batch into account that is a site's whole truth: what it does not name has ended.
func (im *Image) settle(site *siteImage) {
	site.settled, site.loose = uint32(len(im.Dict.Series)), site.loose[:0]
}

// loosen notes a series of a silent batch.
func (im *Image) loosen(site *siteImage, ref uint32) {
	site.loose = site.loose.Grown(len(im.Dict.Series))
	site.loose.Add(ref)
}

// remembers says that a series' last value is state: it is durable and has not ended.
func (im *Image) remembers(ref uint32) bool {
	site := im.sites[im.owners[ref]]
	return im.durable(ref) && im.Values[ref] != StaleBits &&
		(ref >= site.settled || site.present.Has(ref) || site.loose.Has(ref))
}

// Present puts the series that go on into dst, whose memory is reused: those that their sites' last batches knew, or partial ones since added.
func Present(im *Image, dst Set) Set {
	dst = dst.emptied(len(im.Dict.Series))
	for _, site := range im.sites {
		dst.Unite(site.present)
	}
	return dst
}

// Written is how much was written up to where the image is.
func (im *Image) Written() Totals { return im.Before.Plus(im.Had.Totals) }

// endings are up to when series that the image does not have any more had samples, ms since the epoch, those that are not
// durable first and then those that are: a series that is new may be one of these, and its samples have to be newer.
type endings [2]int64

func (e *endings) of(durable bool) *int64 {
	if durable {
		return &e[1]
	}
	return &e[0]
}

// Totals is an amount of what the queue keeps.
type Totals struct {
	Records uint64 // segments' heads not included
	Samples uint64 // stale markers included
}

// Plus is both together.
func (t Totals) Plus(o Totals) Totals { return Totals{t.Records + o.Records, t.Samples + o.Samples} }

// Minus does not go below nothing.
func (t Totals) Minus(o Totals) Totals {
	return Totals{t.Records - min(o.Records, t.Records), t.Samples - min(o.Samples, t.Samples)}
}

// Contents is what a segment holds.
type Contents struct {
	Totals
	Segment uint64
	Series  uint64
	Oldest  int64 // ms since the epoch; 0 where there is no sample
	Newest  int64
}

// count adds one batch.
func (c *Contents) count(t int64, samples int) {
	if samples == 0 {
		return
	}
	c.Samples += uint64(samples)
	if c.Oldest == 0 || t < c.Oldest {
		c.Oldest = t
	}
	c.Newest = max(c.Newest, t)
}

// durable says whether a series outlives its samples.
func (im *Image) durable(ref uint32) bool { return im.Dict.Metrics[im.Dict.Series[ref].Metric].durable }

// NewImage is what is known in front of a log.
func NewImage() *Image { return &Image{Dict: new(Dictionary)} }
