package api

import (
	"context"
	"iter"
	"time"
)

// License is one row of /licensing/entitlements.
type License struct {
	Product    string // productName
	Active     bool   // it has not expired by the server's word
	End        time.Time
	ServiceEnd time.Time         // of the maintenance
	Meter      string            // FETB and FETB_PLUS, front-end terabytes; CPU, SERVER
	Count      Optional[int64]   // in units of the meter
	Multiplier Optional[float64] // of the count
}

const (
	licensesPage   = 100       // the documented maximum of page[limit] for /licensing/entitlements
	mostMultiplier = 1_000_000 // of a count
)

// Licenses lists all licences.
func (c *Client) Licenses(ctx context.Context) iter.Seq2[*License, error] {
	return listing[*License]{
		row:  licenseRow,
		list: list{client: c, noun: "license", path: "/licensing/entitlements", size: licensesPage, pager: byOffset},
	}.rows(ctx)
}

func licenseRow(d *decoder) (l *License, ok bool) {
	l = &License{}
	l.Active = true
	for name := range d.attributes() {
		switch string(name) {
		case "productName":
			l.Product = d.text()
		case "status":
			l.Active = d.word() != "EXPIRED"
		case "endDate":
			l.End = d.instant()
		case "serviceExpiration":
			l.ServiceEnd = d.instant()
		case "licenseMeter":
			l.Meter = d.word()
		case "licenseCount":
			l.Count = d.within(0, mostThings)
		case "countMultiplier":
			l.Multiplier = d.numberUpTo(mostMultiplier)
		default:
			d.skip()
		}
	}
	return l, l.Product != "" || l.Meter != ""
}

// FrontEnd is one row of /licensing/capacity: the data that a primary server protects, as the licence counts it.
type FrontEnd struct {
	Megabytes Optional[float64] // masterConsumptionMB
	Types     []TypeUse         // of each policy of each client
}

// TypeUse is what a policy of a type protects of a client.
type TypeUse struct {
	PolicyType string
	Megabytes  Optional[float64]
}

const (
	frontEndPage  = 10      // the default of page[limit] for /licensing/capacity: a row is a primary server with all its clients
	mostMegabytes = 1 << 40 // 1 EiB
)

// FrontEnds lists what each primary server protects that this one knows of: itself, most often.
func (c *Client) FrontEnds(ctx context.Context) iter.Seq2[*FrontEnd, error] {
	return listing[*FrontEnd]{
		row:  frontEndRow,
		list: list{client: c, noun: "front_end", path: "/licensing/capacity", size: frontEndPage, pager: byOffset, emptyIs404: true},
	}.rows(ctx)
}

func frontEndRow(d *decoder) (f *FrontEnd, ok bool) {
	f = &FrontEnd{}
	for name := range d.attributes() {
		switch string(name) {
		case "masterConsumptionMB":
			f.Megabytes = d.numberUpTo(mostMegabytes)
		case "clientDetails":
			for range d.elements() {
				f.Types = appendTypeUses(f.Types, d)
			}
		default:
			d.skip()
		}
	}
	return f, d.described
}

// appendTypeUses adds what each policy protects of one client.
func appendTypeUses(uses []TypeUse, d *decoder) []TypeUse {
	for name := range d.members() {
		if string(name) != "policyDetails" {
			d.skip()
			continue
		}
		for range d.elements() {
			u := TypeUse{}
			for name := range d.members() {
				switch string(name) {
				case "policyType":
					u.PolicyType = d.text()
				case "policyConsumptionMB":
					u.Megabytes = d.numberUpTo(mostMegabytes)
				default:
					d.skip()
				}
			}
			uses = append(uses, u)
		}
	}
	return uses
}
