// Package rules contains the recording rules and alerts of backwire, each alert with its meaning and first
// steps. It generates a rule file for Prometheus, a namespace for mimirtool, and docs/alerts.md. An example beside them tells
// Alertmanager how to group and inhibit.
//
// The package knows texts, thresholds and names of metrics, but not how the metrics are collected or sent. It
// is not part of the binary. For every alert, one promtool test shows that it fires and one that it does not.
package rules
