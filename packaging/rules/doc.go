// Package rules holds the recording rules and alerts that come with backwire, each with what
// it means and what to do first. It writes them as a rule file for Prometheus, as a namespace
// for mimirtool, and as the page docs/alerts.md.
//
// It owns the rules' words and thresholds, knows the names of the metrics, and never knows
// how they are collected or sent. It is not part of the binary. Invariant: every alert fires
// in a test of promtool's and stays silent in its twin, or nobody could trust its silence.
package rules
