package nbusim

import "time"

// The namespaces of the role for /catalog/slp-images and /config/slps.
const (
	NamespaceSLPImages = "|MANAGE|STORAGE-LIFECYCLE-IMAGES|"
	NamespaceSLPs      = "|PROTECTION|SLPS|"
)

// SLPImage is an image that a storage lifecycle policy manages. What is not given has its backup and waits for a duplicate.
type SLPImage struct {
	SLP    string
	State  string // NOT_MANAGED, NOT_STARTED, IN_PROCESS, COMPLETE, DELETED, NOT_STARTED|INACTIVE or IN_PROCESS|INACTIVE
	At     time.Time
	Copies []SLPCopy
}

// SLPCopy is a copy of such an image.
type SLPCopy struct {
	Type  string // BACKUP, DUPLICATE, REPLICATE_TO_REMOTE_MASTER, IMPORT, …
	State string // NOT_STARTED, IN_PROCESS, COPYCOMPLETE, DEFERRED, IMPORT_PENDING, …
}

// SLP is a storage lifecycle policy.
type SLP struct {
	Name     string
	Inactive bool
}

// AddSLPImages adds images that storage lifecycle policies manage.
func (s *Server) AddSLPImages(images ...SLPImage) { addTo(s, &s.slpImages, images) }

// AddSLPs adds storage lifecycle policies.
func (s *Server) AddSLPs(slps ...SLP) { addTo(s, &s.slps, slps) }

func (i SLPImage) row(id int) row {
	defaultTo(&i.SLP, "gold")
	defaultTo(&i.State, "IN_PROCESS")
	if i.Copies == nil {
		i.Copies = []SLPCopy{{"BACKUP", "COPYCOMPLETE"}, {"DUPLICATE", "IN_PROCESS"}}
	}
	name := "client-1_" + itoa(1_700_000_000+id)
	copies := []any{}
	for n, c := range i.Copies {
		copies = append(copies, map[string]any{
			"backupId": name, "copyNumber": n + 1, "copyType": c.Type, "copyState": c.State, "residence": "stu-1", "jobId": id, "retryCount": 0,
			"fragments": []any{map[string]any{
				"backupId": name, "copyNumber": n + 1, "fragmentNumber": 1, "mediaId": "@aaaab", "mediaServer": "media-1", "mediaType": "DISK",
				"fragmentState": "ACTIVE", "fragmentSize": 1048576,
			}},
		})
	}
	return row{
		kind: "slpImage", id: name, path: "/catalog/slp-images/",
		attributes: map[string]any{
			"primaryServer": "primary.example", "backupId": name, "policyName": "linux-01", "clientName": "client-1", "backupTime": stamp(i.At),
			"policyType": "STANDARD", "scheduleType": "FULL", "slpName": i.SLP, "slpImageState": i.State, "isStorageLifecycleInactive": false,
			"slpVersion": 1, "copies": copies,
		},
	}
}

func (p SLP) row() row {
	return row{
		kind: "slp", id: p.Name, path: "/config/slps/",
		attributes: map[string]any{
			"slpName": p.Name, "versionNumber": 0, "active": !p.Inactive, "duplicationPriority": 0,
			"operationList": []any{map[string]any{
				"operationIndex": 1, "operationType": "BACKUP", "retentionType": "FIXED", "sourceOperationIndex": 0,
				"retentionPeriod": map[string]any{"value": 2, "unit": "WEEKS"}, "storage": map[string]any{"name": "stu-1"},
			}},
		},
	}
}

// slpImageList is paged by cursor, at most 1000 rows a page and 100 by default (catalog.yaml of all releases). Its filter takes eq on
// the state alone; what else it may filter by nobody here asks for.
func (s *Server) slpImageList(x *exchange) reply {
	var rows []row
	for i, m := range shown(s, x, &s.slpImages) {
		rows = append(rows, m.row(i+1))
	}
	filter, err := parseFilter(x.request.URL.Query().Get("filter"))
	if err != nil {
		return x.refuse("filter", err)
	}
	holds, err := columns[row]{rowColumn("slpImageState", text, "eq"), rowColumn("slpName", text, "eq")}.bind(filter)
	if err != nil {
		return x.refuse("filter", err)
	}
	var found []row
	for _, r := range rows {
		if holds(&r) {
			found = append(found, r)
		}
	}
	return x.cursorPage(found, 100, 1000)
}

// slpList is documented for 10.3, 10.5 and 11.2 (config.yaml); no document of 11.0 shows it, and it is offered all the same.
func (s *Server) slpList(x *exchange) reply {
	var rows []row
	for _, p := range shown(s, x, &s.slps) {
		rows = append(rows, p.row())
	}
	return x.list(rows, columns[row]{rowColumn("slpName", text, "contains"), rowColumn("active", boolean, "")}, limits{1, 100})
}
