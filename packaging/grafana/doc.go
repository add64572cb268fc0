// Package grafana holds the dashboards that come with backwire, written in Go so that all of
// them have the same variables, links, units and colours. It writes them as JSON to import.
//
// It owns the panels and their queries, knows the names of the metrics, and never knows how
// they are collected. It is not part of the binary. Invariant: every query returns data on a
// Prometheus that the agent has filled; a panel without is a question that nobody answers.
package grafana
