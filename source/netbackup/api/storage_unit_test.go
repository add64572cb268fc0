package api

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const mediumUnit = `{"links":{"self":{"href":"/storage/storage-units/msdp-stu"}},"type":"storageUnit","id":"msdp-stu","attributes":{
"name":"msdp-stu","storageType":"DISK_POOL","storageSubType":"MediaManager","storageServerType":"PureDisk","storageCategory":"MSDP",
"useAnyAvailableMediaServer":true,"accelerator":true,"instantAccessEnabled":false,"isCloudSTU":false,"freeCapacityBytes":8796093022208,
"totalCapacityBytes":10995116277760,"usedCapacityBytes":2199023255552,"maxFragmentSizeMegabytes":51200,"maxConcurrentJobs":100,
"onDemandOnly":true,"useWorm":false,"wormCapable":true,"replicationCapable":true,"mediaServerDetails":[{"name":"media1.example"}]},
"relationships":{"diskPool":{"links":{},"data":{"type":"diskPool","id":"PureDisk:pool1"}}}}`

// unit is a row of /storage/storage-units with these attributes.
func unit(name, attributes string) string {
	return fmt.Sprintf(`{"type":"storageUnit","id":%q,"attributes":{"name":%q,%s}}`, name, name, attributes)
}

// offsetPage is an answer in the offset style.
func offsetPage(pagination string, rows ...string) string {
	return `{"data":[` + strings.Join(rows, ",") + `],"meta":{"pagination":{` + pagination + `}}}`
}

func listUnits(t *testing.T, c *Client) []StorageUnit {
	t.Helper()
	var units []StorageUnit
	for u, err := range c.StorageUnits(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, u)
	}
	return units
}

func TestStorageUnitWithItsAttributes(t *testing.T) {
	got := listUnits(t, newTestClient(t, serveRows(mediumUnit)))
	want := []StorageUnit{{
		Name: "msdp-stu", Category: "MSDP", Type: "DISK_POOL", SubType: "MediaManager", ServerType: "PureDisk",
		DiskPool: "PureDisk:pool1",
		Capacity: some[int64](10995116277760), Used: some[int64](2199023255552), Free: some[int64](8796093022208),
		MaxConcurrentJobs: some[int64](100), MaxFragmentMegabytes: some[int64](51200),
		IsCloud: some(false), WormCapable: some(true), UseWorm: some(false), ReplicationCapable: some(true), InstantAccess: some(false),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}

// Capacity is absent where it is meaningless, never zero.
func TestCapacityWithoutMeaningIsAbsent(t *testing.T) {
	const bytes = `"totalCapacityBytes":9223372036854775807,"freeCapacityBytes":12,"usedCapacityBytes":0`
	for _, row := range []string{
		unit("tape", `"storageCategory":"TAPE",`+bytes), unit("cloud", bytes+`,"storageCategory":"CLOUD"`),
		unit("catalyst", `"storageCategory":"CLOUD_CATALYST",`+bytes), unit("silent", `"storageCategory":"MSDP"`),
	} {
		u := listUnits(t, newTestClient(t, serveRows(row)))[0]
		if u.Capacity.Given || u.Free.Given || u.Used.Given {
			t.Errorf("%s: capacity %+v, free %+v, used %+v, want none", u.Name, u.Capacity, u.Free, u.Used)
		}
	}
	odd := listUnits(t, newTestClient(t, serveRows(unit("disk", `"storageCategory":"ADVANCED_DISK",`+bytes))))[0]
	if odd.Capacity.Given || odd.Used != some[int64](0) {
		t.Errorf("capacity %+v, used %+v: the largest number is no capacity, nothing used is 0", odd.Capacity, odd.Used)
	}
}

// Seen in an exporter: only the first 100 storage units were read.
func TestAllStorageUnitsOverAllPages(t *testing.T) {
	const all, most = 1150, 500
	requests := 0
	c := newTestClient(t, func(r *http.Request) *http.Response {
		requests++
		q := r.URL.Query()
		offset, _ := strconv.Atoi(q.Get("page[offset]"))
		if limit, _ := strconv.Atoi(q.Get("page[limit]")); limit > most {
			return reply(400, `{"errorCode":9001,"errorMessage":"limit"}`)
		}
		var rows []string
		for i := offset; i < min(offset+most, all); i++ {
			rows = append(rows, unit("stu"+strconv.Itoa(i), `"maxConcurrentJobs":1`))
		}
		pagination := fmt.Sprintf(`"count":%d,"offset":%d,"first":0,"last":1000`, all, offset)
		if offset+most < all {
			pagination += fmt.Sprintf(`,"next":%d`, offset+most)
		}
		return reply(200, offsetPage(pagination, rows...))
	})
	names := map[string]bool{}
	for _, u := range listUnits(t, c) {
		names[u.Name] = true
	}
	if len(names) != all || requests != 3 {
		t.Errorf("%d units in %d requests, want %d in 3", len(names), requests, all)
	}
}

// Seen in an exporter: rows without their own name shared an empty one, and broke the rest.
func TestRowWithoutANameIsNotReadAsEmptyName(t *testing.T) {
	c := newTestClient(t, serveRows(`{"attributes":{"maxConcurrentJobs":1}}`, `{"id":"named","attributes":{}}`))
	if units := listUnits(t, c); len(units) != 1 || units[0].Name != "named" {
		t.Errorf("units %+v, want the named one alone", units)
	}
}

// A capacity of 0, or one of a tape whose category is missing, is no capacity.
func TestCapacityThatIsNoneIsAbsent(t *testing.T) {
	t.Parallel()
	for attributes, want := range map[string]float64{
		`"storageCategory":"MSDP","totalCapacityBytes":1024,"usedCapacityBytes":0,"freeCapacityBytes":1024`:                               1024,
		`"storageCategory":"msdp ","totalCapacityBytes":1024,"usedCapacityBytes":1024,"freeCapacityBytes":0`:                              1024,
		`"totalCapacityBytes":1024,"usedCapacityBytes":24,"freeCapacityBytes":1000`:                                                       1024,
		`"storageCategory":"NEW_KIND","totalCapacityBytes":1024`:                                                                          1024,
		`"storageCategory":"MSDP","totalCapacityBytes":0,"usedCapacityBytes":0,"freeCapacityBytes":0`:                                     math.NaN(),
		`"totalCapacityBytes":0,"usedCapacityBytes":0,"freeCapacityBytes":0,"maxConcurrentDrives":2`:                                      math.NaN(),
		`"storageCategory":null,"totalCapacityBytes":0,"usedCapacityBytes":0,"freeCapacityBytes":0`:                                       math.NaN(),
		`"storageCategory":null,"storageType":"Media Manager","totalCapacityBytes":5,"usedCapacityBytes":0,"freeCapacityBytes":5`:         math.NaN(),
		`"storageCategory":"tape","totalCapacityBytes":5,"usedCapacityBytes":0,"freeCapacityBytes":5`:                                     math.NaN(),
		`"storageCategory":"Cloud","totalCapacityBytes":5,"usedCapacityBytes":0,"freeCapacityBytes":5`:                                    math.NaN(),
		`"storageCategory":"CLOUD_OBJECT","totalCapacityBytes":5`:                                                                         math.NaN(),
		`"storageCategory":"MSDP","totalCapacityBytes":-1`:                                                                                math.NaN(),
		`"storageCategory":"MSDP","totalCapacityBytes":9223372036854775807,"usedCapacityBytes":0,"freeCapacityBytes":9223372036854775807`: math.NaN(),
	} {
		c := newTestClient(t, func(*http.Request) *http.Response {
			return reply(200, offsetPage("", unit("u", attributes)))
		})
		for u, err := range c.StorageUnits(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if u.Capacity.Given != (want == want) || u.Capacity.Given && float64(u.Capacity.Value) != want {
				t.Errorf("%s: capacity %+v, want %v", attributes, u.Capacity, want)
			}
			if !u.Capacity.Given && u.Free.Given && u.Free.Value == 0 {
				t.Errorf("%s: free 0 of no capacity", attributes)
			}
		}
	}
}
