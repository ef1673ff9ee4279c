// Package report is what is left of a run: one JSON file for machines, and one
// HTML page for people that needs no network. Two reports can be compared, with
// confidence intervals.
//
// The page's charts are drawn by uPlot (MIT licence, see assets/), which is part
// of the page; fetch.sh beside it gets the pinned version and checks its digest.
package report
