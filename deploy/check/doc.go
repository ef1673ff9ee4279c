// Package check holds the files under deploy/ against what they are about: the
// queries of alerts and dashboards against the metrics that exist, the alerts
// against their runbook, and, under the build tag deploycheck, the compose topology
// against the programs, by starting it. `make deploy-check` runs all of it.
package check
