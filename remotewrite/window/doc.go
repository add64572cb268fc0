// Package window regroups a part of the log: each series once, with all its points.
//
// A reader reads the records of the log from the head of a segment and fills windows with them. If a record is damaged, it
// uses the copy in the next record and reports what is lost. A window is read series by series, can be divided between
// series and between points, and is identified by a note. The points of a series ascend in time. A window never crosses
// a segment, and its memory is limited. The package does not know protocols, receivers or positions of endpoints.
package window
