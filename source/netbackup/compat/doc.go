// Package compat gives what a site collects a second time under the metric names and labels of nbu_exporter, so that
// dashboards and rules made for it continue to work (BACKWIRE_COMPAT=nbu_exporter).
//
// It declares those metrics and sets their gauges from the rows and jobs that it is given. It promises that they cost no
// request of their own, and are absent where their values are not known. It keeps no state over a restart, and it never
// knows who reads the rows, how jobs are counted, or what a site is.
package compat
