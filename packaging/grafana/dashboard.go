package grafana

import "backwire/packaging/rules"

// Dashboard is Grafana's JSON model, as far as it is used here (Grafana 10 and later).
type Dashboard struct {
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Description   string     `json:"description"`
	Tags          []string   `json:"tags"`
	Timezone      string     `json:"timezone"`
	SchemaVersion int        `json:"schemaVersion"`
	Editable      bool       `json:"editable"`
	GraphTooltip  int        `json:"graphTooltip"` // 1 shares the crosshair
	Refresh       string     `json:"refresh"`
	Time          TimeRange  `json:"time"`
	Templating    Templating `json:"templating"`
	Annotations   Annotated  `json:"annotations"`
	Links         []Link     `json:"links"`
	Panels        []Panel    `json:"panels"`
}

// TimeRange is what is shown at first.
type TimeRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Templating holds the variables.
type Templating struct {
	List []Variable `json:"list"`
}

// Annotated holds the annotations.
type Annotated struct {
	List []Annotation `json:"list"`
}

// Annotation marks on all graphs when something happened.
type Annotation struct {
	Name       string     `json:"name"`
	Datasource *Reference `json:"datasource"`
	Enable     bool       `json:"enable"`
	IconColor  string     `json:"iconColor"`
	Expr       string     `json:"expr"`
	Step       string     `json:"step"`
	Title      string     `json:"titleFormat"`
	Text       string     `json:"textFormat"`
	TagKeys    string     `json:"tagKeys"`
}

// Variable is a choice at the top of a dashboard.
type Variable struct {
	Name       string         `json:"name"`
	Label      string         `json:"label"`
	Type       string         `json:"type"`
	Query      any            `json:"query,omitempty"`
	Definition string         `json:"definition,omitempty"`
	Datasource *Reference     `json:"datasource,omitempty"`
	Refresh    int            `json:"refresh,omitempty"` // 2: with the time range
	Sort       int            `json:"sort,omitempty"`
	Multi      bool           `json:"multi,omitempty"`
	IncludeAll bool           `json:"includeAll,omitempty"`
	AllValue   string         `json:"allValue,omitempty"`
	Current    map[string]any `json:"current,omitempty"`
}

// Reference names the data source that the variable datasource holds.
type Reference struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Link leads to the other dashboards.
type Link struct {
	Title       string   `json:"title"`
	Tooltip     string   `json:"tooltip"`
	Icon        string   `json:"icon"`
	Type        string   `json:"type"`
	Tags        []string `json:"tags"`
	AsDropdown  bool     `json:"asDropdown"`
	KeepTime    bool     `json:"keepTime"`
	IncludeVars bool     `json:"includeVars"`
	TargetBlank bool     `json:"targetBlank"`
	URL         string   `json:"url"`
}

// The dashboards' UIDs, by which they link to each other.
const (
	uidOverview = "backwire-overview"
	uidJobs     = "backwire-jobs"
	uidClients  = "backwire-clients"
	uidStorage  = "backwire-storage"
	uidPipeline = "backwire-pipeline"
	uidSecurity = "backwire-security"
)

const tag = "backwire"

// Dashboards are all of them.
func Dashboards() []Dashboard { return dashboards(rules.Documents) }

// dashboards lead to documents at another place.
func dashboards(documents string) []Dashboard {
	all := []Dashboard{overview(), jobs(), clients(), storage(), security(), pipeline()}
	for i := range all {
		all[i].Links = append(all[i].Links, document("Metrics", documents+"/metrics.md"), document("Alerts", documents+"/alerts.md"),
			document("Troubleshooting", documents+"/troubleshooting.md"))
	}
	return all
}

// document is a link to one of the documents.
func document(title, url string) Link {
	return Link{Title: title, Icon: "doc", Type: "link", Tags: []string{}, TargetBlank: true, URL: url}
}

// dashboard has what all have in common.
func dashboard(uid, title, description, from string, variables []Variable, panels []Panel) Dashboard {
	return Dashboard{
		UID: uid, Title: "backwire / " + title, Description: description, Tags: []string{tag, "netbackup"}, Timezone: "browser",
		SchemaVersion: 39, Editable: true, GraphTooltip: 1, Refresh: "1m", Time: TimeRange{from, "now"},
		Templating:  Templating{append(append([]Variable{datasourceVariable(), siteVariable()}, variables...), filterVariable())},
		Annotations: Annotated{[]Annotation{restarts(), firingAlerts()}},
		Links:       []Link{{Title: "backwire", Icon: "external link", Type: "dashboards", Tags: []string{tag}, KeepTime: true, IncludeVars: true}},
		Panels:      panels,
	}
}

func datasourceVariable() Variable {
	return Variable{Name: "datasource", Label: "Data source", Type: "datasource", Query: "prometheus"}
}

// filterVariable adds a matcher of any label to every query.
func filterVariable() Variable {
	return Variable{Name: "filter", Label: "Filter", Type: "adhoc", Datasource: source()}
}

// restarts begin with the agent and last some minutes, so that no step misses them.
func restarts() Annotation {
	return Annotation{
		Name: "Agent started", Datasource: source(), Enable: true, IconColor: "blue", Step: "60s",
		Expr:  `max by (instance) (time() - process_start_time_seconds{job="backwire"}) < 300`,
		Title: "backwire started", Text: "{{instance}}", TagKeys: "instance",
	}
}

// firingAlerts are there where the rules write into the data source.
func firingAlerts() Annotation {
	return Annotation{
		Name: "Alerts", Datasource: source(), Enable: true, IconColor: bad, Step: "60s",
		Expr:  `count by (alertname, severity, site) (ALERTS{alertstate="firing",alertname=~"(NetBackup|Backwire).*",site=~"$site|"})`,
		Title: "{{alertname}}", Text: "{{site}}: {{severity}}", TagKeys: "site,severity",
	}
}

func siteVariable() Variable { return choice("site", "Site", "label_values(nbu_up, site)") }

// choice is a variable of a label's values, all of them at first.
func choice(name, label, query string) Variable {
	return Variable{
		Name: name, Label: label, Type: "query", Definition: query, Datasource: source(),
		Query:   map[string]any{"query": query, "refId": "Variable-" + name},
		Refresh: 2, Sort: 1, Multi: true, IncludeAll: true, AllValue: ".*",
		Current: map[string]any{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}},
	}
}

func source() *Reference { return &Reference{"prometheus", "${datasource}"} }
