package rules

import (
	"slices"
	"strings"
)

// Group is a list of rules that are evaluated one after the other.
type Group struct {
	Name  string `yaml:"name"`
	Rules []Rule `yaml:"rules"`
}

// Rule is a recording rule or an alert, as Prometheus reads it.
type Rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`

	help string // of a recording rule
}

// The names of an alert's annotations.
const (
	summary     = "summary"     // one line with the names and the number: what is seen first
	description = "description" // what it means
	runbook     = "runbook"     // the first steps
	runbookURL  = "runbook_url" // where both are to be read, with the rest of the documents
)

// severity is how soon somebody must look.
type severity string

const (
	critical severity = "critical" // now, at any hour
	warning  severity = "warning"  // today
)

// alert is one alert as it is written down here.
type alert struct {
	name     string
	severity severity
	wait     string // how long the expression holds before it fires
	expr     string
	summary  string
	meaning  string
	steps    []string
}

func (a alert) rule() Rule {
	return Rule{
		Alert: a.name, Expr: a.expr, For: a.wait,
		Labels:      map[string]string{"severity": string(a.severity)},
		Annotations: map[string]string{summary: a.summary, description: a.meaning, runbook: numbered(a.steps)},
	}
}

func alerts(name string, list ...[]alert) Group {
	g := Group{Name: name}
	for _, a := range slices.Concat(list...) {
		g.Rules = append(g.Rules, a.rule())
	}
	return g
}

// Documents is where the documents are read that the alerts lead to, unless somebody names another place: the package installs
// them there.
const Documents = "file:///usr/share/doc/backwire/docs"

// Groups are all rules; a group uses only what the ones before it record.
func Groups() []Group { return groups(Documents) }

// groups lead to documents at another place.
func groups(documents string) []Group {
	all := []Group{
		recordings(),
		alerts("backwire-backups", policyAlerts(), missedAlerts(), failedAlerts(), jobAlerts(), idleAlerts(), copyAlerts(), slpAlerts(), capAlerts()),
		alerts("backwire-storage", storageAlerts(), tapeAlerts()),
		alerts("backwire-protection", protectionAlerts(), anomalyAlerts(), endAlerts()),
		alerts("backwire-server", serverAlerts()),
		alerts("backwire-pipeline", silenceAlerts(), endpointAlerts(), lossAlerts()),
	}
	for _, g := range all {
		for _, r := range g.Rules {
			if r.Alert != "" {
				r.Annotations[runbookURL] = documents + "/alerts.md#" + strings.ToLower(r.Alert)
			}
		}
	}
	return all
}
