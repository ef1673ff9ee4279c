"""Prints the queries of Grafana dashboards as recording rules, for promtool to parse."""
import json
import sys

print("groups:\n  - name: dashboards\n    rules:")
number = 0
for path in sys.argv[1:]:
    for panel in json.load(open(path))["panels"]:
        for target in panel.get("targets", []):
            number += 1
            query = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
            print(f"      - record: query:number:{number}")
            print(f"        expr: {json.dumps(query)}")
