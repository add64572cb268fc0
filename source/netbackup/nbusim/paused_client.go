package nbusim

import (
	"slices"
	"time"
)

// NamespaceHostProperties is that of the role for /config/paused-clients.
const NamespaceHostProperties = "|MANAGE|HOSTS|HOST-PROPERTIES|"

// PausedClient is a client whose backups are held back. What is not given was asked for by hand, and has no end.
type PausedClient struct {
	Name        string
	Identifier  string // empty is the name
	From, Until time.Time
	Trigger     string // AUTOMATIC or MANUAL
	By, Reason  string
}

// SetPausedClients replaces the clients that are paused. That no jobs are scheduled for them is up to the caller.
func (s *Server) SetPausedClients(clients ...PausedClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = slices.Clone(clients)
}

func (p PausedClient) row() row {
	defaultTo(&p.Identifier, p.Name)
	defaultTo(&p.Trigger, "MANUAL")
	defaultTo(&p.By, "admin")
	a := map[string]any{
		"clientUniqueIdentifier": p.Identifier, "displayName": p.Name, "blockedTime": stamp(p.From), "blockedUntilTime": "", "reason": p.Reason,
		"details": "", "extendedAttributes": "", "clientProtectedBy": "", "triggerMethod": p.Trigger, "blockedBy": p.By, "addInLegacyFlag": false,
	}
	if !p.Until.IsZero() {
		a["blockedUntilTime"] = stamp(p.Until)
	}
	return row{kind: "pausedClient", id: p.Identifier, path: "/config/paused-clients/", attributes: a}
}

// pausedClientList is documented for 10.3 to 11.2 (hostproperties): at most 100 rows a page, 10 by default. What it filters and
// sorts by is documented, too. Its file is not in the collection, so no test checks it against that.
func (s *Server) pausedClientList(x *exchange) reply {
	var rows []row
	for _, p := range shown(s, x, &s.paused) {
		rows = append(rows, p.row())
	}
	return x.list(rows, pausedClientColumns(), limits{1, 100})
}

func pausedClientColumns() columns[row] {
	return columns[row]{
		rowColumn("clientUniqueIdentifier", text, "eq"),
		rowColumn("displayName", text, "eq"),
		rowColumn("blockedTime", text, "eq ge le"),
		rowColumn("triggerMethod", text, "eq"),
		rowColumn("blockedUntilTime", text, ""),
		rowColumn("addInLegacyFlag", boolean, ""),
	}
}
