package nbusim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestStorageUnitsArePagedByOffset(t *testing.T) {
	s := newServer(t, Options{Storage: NewEstate(150)})
	seen := map[string]bool{}
	offset, pages := 0, 0
	for {
		p := get(t, s, "/storage/storage-units"+query("page[limit]", "40", "page[offset]", itoa(offset))).page(t)
		pages++
		for _, d := range p.Data {
			seen[d.ID.(string)] = true
		}
		if p.Meta.Pagination.Count != 150 || p.Meta.Pagination.Last != 120 {
			t.Fatalf("page %+v", p.Meta.Pagination)
		}
		next, ok := p.Meta.Pagination.Next.(float64)
		if !ok {
			break
		}
		offset = int(next)
	}
	if len(seen) != 150 || pages != 4 {
		t.Errorf("%d units on %d pages", len(seen), pages)
	}
}

func TestOffsetQueriesAreChecked(t *testing.T) {
	s := newServer(t, Options{Storage: NewEstate(20)})
	for path, want := range map[string]int{
		"/storage/storage-units" + query("page[limit]", "500"):                           200,
		"/storage/storage-units" + query("page[limit]", "501"):                           400,
		"/storage/storage-units" + query("page[limit]", "0"):                             400,
		"/storage/storage-units" + query("page[offset]", "-1"):                           400,
		"/storage/storage-units" + query("filter", "free gt 1"):                          400,
		"/storage/storage-units" + query("filter", "name eq"):                            400,
		"/storage/storage-units" + query("sort", "colour"):                               400,
		"/storage/disk-pools" + query("page[limit]", "500"):                              200,
		"/storage/storage-servers" + query("page[limit]", "101"):                         400,
		"/storage/storage-units/stu-msdp-1":                                              200,
		"/storage/storage-units/none":                                                    404,
		"/storage/disk-pools/pool-msdp-1:PureDisk":                                       200,
		"/storage/storage-servers/PureDisk:media-1":                                      200,
		"/storage/storage-units" + query("filter", "not contains(name,'msdp')"):          200,
		"/storage/storage-units" + query("filter", "not (name eq 'a' or name eq 'b')"):   200,
		"/storage/storage-units" + query("filter", "not (useWorm eq true)"):              400,
		"/storage/storage-units" + query("filter", "tolower(storageCategory) eq 'tape'"): 200,
		"/storage/storage-units" + query("filter", "storageCategory ne 'TAPE'"):          400,
	} {
		if a := get(t, s, path); a.status != want {
			t.Errorf("%s answered %d, want %d: %s", path, a.status, want, a.body)
		}
	}
}

func TestStorageFilterAndSort(t *testing.T) {
	s := newServer(t, Options{Storage: NewEstate(16)})
	for q, want := range map[string]string{
		query("filter", "storageCategory eq 'TAPE'"):                               "stu-tape-5 stu-tape-13 ",
		query("filter", "isCloudSTU eq true", "sort", "-name", "page[limit]", "2"): "stu-cloud-catalyst-8 stu-cloud-catalyst-16 ",
		query("filter", "tolower(name) eq 'stu-msdp-1' or endswith(name,'-12')"):   "stu-msdp-1 stu-cloud-12 ",
		query("filter", "not startswith(name,'stu-')"):                             "",
	} {
		var got strings.Builder
		for _, d := range get(t, s, "/storage/storage-units"+q).page(t).Data {
			got.WriteString(d.ID.(string) + " ")
		}
		if got.String() != want {
			t.Errorf("%s gave %q, want %q", q, got.String(), want)
		}
	}
}

func TestCapacityIsAbsentOrMeaninglessWhereTheProductSaysSo(t *testing.T) {
	s := newServer(t, Options{Storage: NewEstate(8)})
	var body struct {
		Data []struct {
			Attributes struct {
				StorageCategory    string
				TotalCapacityBytes *int64
			}
			Relationships struct {
				DiskPool *struct{ Data struct{ ID string } }
			}
		}
	}
	if err := json.Unmarshal(get(t, s, "/storage/storage-units").body, &body); err != nil {
		t.Fatal(err)
	}
	pools := map[string]int{}
	for _, d := range body.Data {
		a := d.Attributes
		absent := a.TotalCapacityBytes == nil
		if absent != (a.StorageCategory == Tape) {
			t.Errorf("%s: capacity %v", a.StorageCategory, a.TotalCapacityBytes)
		}
		if !absent && isCloud(a.StorageCategory) != (*a.TotalCapacityBytes == Boundless) {
			t.Errorf("%s: capacity %d", a.StorageCategory, *a.TotalCapacityBytes)
		}
		if p := d.Relationships.DiskPool; p != nil {
			pools[p.Data.ID]++
		}
	}
	if pools["pool-msdp-1:PureDisk"] != 2 || len(pools) != 5 {
		t.Errorf("units by pool: %v", pools)
	}
}

func TestStorageCanChange(t *testing.T) {
	s := newServer(t, Options{Storage: NewEstate(4)})
	e := s.Storage()
	e.Pools[0].State, e.Units = "DOWN", e.Units[:1]
	s.SetStorage(e)
	if p := get(t, s, "/storage/storage-units").page(t); len(p.Data) != 1 {
		t.Errorf("%d units are left", len(p.Data))
	}
	p := get(t, s, "/storage/disk-pools").page(t)
	if state := fmt.Sprint(p.Data[0].Attributes["diskPoolState"]); state != "DOWN" {
		t.Errorf("the pool is %s", state)
	}
	if a := get(t, s, "/storage/disk-pools", header("Authorization", "x")); a.status != http.StatusUnauthorized {
		t.Errorf("without a key it answered %d", a.status)
	}
}
