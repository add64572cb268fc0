// Package window turns a stretch of the log on its side: each series once, with all of its points.
//
// A reader understands the log's records, from the head of a segment on, and fills windows with them; where a record is damaged it
// takes what the next one repeats of it, and reports what that cost. A window is read series by series, divided between series
// and between points, and told from others by a note. It promises that the points of a series ascend in time, and that a window
// never crosses a segment and has a bound in memory. It never knows protocols, receivers or places of endpoints.
package window
