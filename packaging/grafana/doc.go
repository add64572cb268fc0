// Package grafana contains the dashboards of backwire. They are written in Go, so that all of them have the
// same variables, links, units and colours, and are generated as JSON files.
//
// The package knows panels, queries and names of metrics, but not how the metrics are collected. It is not
// part of the binary. Every query returns data on a Prometheus that the agent has filled; a test checks this.
package grafana
