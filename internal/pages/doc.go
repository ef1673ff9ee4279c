// Package pages holds the pages for people to the code: what they name is there. It
// reads docs/metrics.md for the tests that hold it to servers, alerts and dashboards.
package pages
