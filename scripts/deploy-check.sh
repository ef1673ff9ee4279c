#!/usr/bin/env bash
# Checks every file under deploy/ with the tool that reads it, then starts the
# compose topology as processes (deploy/check). ONLY=name runs one of the checks;
# TOPOLOGY=0 leaves out the last two.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(scripts/deploy-tools.sh)
export PATH="$tools:$PATH:/usr/sbin:/usr/local/sbin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # check NAME runs check_NAME and says how it went
	[ -z "${ONLY:-}" ] || [ "$ONLY" = "$1" ] || return 0
	local began=$SECONDS
	"check_$1" >"$work/$1.log" 2>&1 & # in an if, errexit would not hold within it
	if wait $!; then
		printf 'deploy-check: %-10s ok, %d s\n' "$1" $((SECONDS - began))
	else
		printf 'deploy-check: %-10s FAILED\n' "$1"
		cat "$work/$1.log"
		failed=1
	fi
}
failed=0

check_scripts() {
	local script
	for script in deploy/compose/*.sh deploy/compose/redis/*.sh; do sh -n "$script"; done
}

check_images() {
	hadolint deploy/docker/Dockerfile
}

check_compose() {
	deploy/compose/secrets.sh "$work/secrets"
	docker-compose -f deploy/compose/compose.yaml --profile '*' config --quiet
}

check_caddy() {
	(cd deploy/compose && API_HOST=api.localhost FILES_HOST=files.localhost OBJECTS_HOST=objects.localhost TLS=internal \
		caddy validate --config Caddyfile --adapter caddyfile)
	(cd deploy/compose && API_HOST=api.example.com FILES_HOST=files.example.net OBJECTS_HOST=objects.example.com TLS=public \
		caddy validate --config Caddyfile --adapter caddyfile)
	caddy validate --config deploy/tls/Caddyfile --adapter caddyfile
}

check_nginx() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=check -keyout "$work/key.pem" -out "$work/cert.pem"
	local conf
	for conf in deploy/tls/nginx.conf deploy/cdn/nginx.conf; do
		{
			echo "pid $work/nginx.pid; error_log stderr; events {} http {"
			sed -E "s#/etc/ssl/rawlink/[a-z]+\.pem#$work/cert.pem#; s#/etc/ssl/rawlink/[a-z]+\.key#$work/key.pem#; s#/var/cache/nginx/rawlink#$work/cache#" "$conf"
			echo "}"
		} >"$work/nginx.conf"
		nginx -t -q -c "$work/nginx.conf"
	done
}

check_varnish() {
	varnishd -C -n "$work/varnish" -f "$PWD/deploy/cdn/varnish.vcl" >/dev/null
}

check_systemd() {
	local part
	for part in edge origin; do # the program isn't installed here: anything that is will do
		sed "s#^ExecStart=/usr/local/bin/rawlink-$part#ExecStart=/bin/true#" "deploy/systemd/rawlink-$part.service" >"$work/rawlink-$part.service"
		systemd-analyze verify "$work/rawlink-$part.service" 2>&1 | tee "$work/verify"
		[ ! -s "$work/verify" ] || return 1
		systemd-analyze security --offline=true --threshold=15 "$work/rawlink-$part.service" # 1.5 of 10
	done
}

check_prometheus() {
	promtool check config deploy/prometheus/prometheus.yml
	(cd deploy/prometheus && promtool test rules rules_test.yml)
	python3 scripts/dashboard-queries.py deploy/grafana/dashboards/*.json >"$work/queries.yml"
	promtool check rules "$work/queries.yml"
}

check_grafana() { # against Grafana's own types
	local grafana=$PWD/bin/deploy-tools/grafana file
	for file in deploy/grafana/dashboards/*.json; do
		{
			echo "import type { Dashboard } from '@grafana/schema';"
			# An enum's values as the words that stand in JSON.
			echo 'type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;'
			echo "export const dashboard: Plain<Dashboard> ="
			cat "$file"
			echo ";"
		} >"$grafana/$(basename "$file" .json).ts"
	done
	(cd "$grafana" && node_modules/.bin/tsc --noEmit --strict --skipLibCheck --module nodenext --moduleResolution nodenext ./*.ts)
}

check_helm() {
	local chart=deploy/helm/rawlink values=deploy/helm/values-example.yaml
	helm lint --strict "$chart" --values "$values"
	helm template example "$chart" --kube-version 1.37.0 --values "$values" >"$work/full.yaml"
	helm template example "$chart" --kube-version 1.37.0 --values "$values" --set existingSecret= --set ingress.enabled=false --set networkPolicy.enabled=false \
		--set origin.autoscaling.enabled=false,edge.autoscaling.enabled=false \
		--set-string secrets.token_keys=a,secrets.mint_secret=b,secrets.lease_key=c,secrets.internal_key=d,secrets.database_url=e,secrets.redis_url=f,secrets.s3_secret_key=g >"$work/plain.yaml"
	kubernetes-validate --strict --kubernetes-version 1.37 "$work/full.yaml" "$work/plain.yaml"
	grep 'storage: 20Gi' "$work/full.yaml"
	grep 'RAWLINK_EDGE_CACHE_DISK, value: "18432MiB"' "$work/full.yaml" # nine tenths of that
	if helm template example "$chart" --kube-version 1.37.0 >"$work/none.yaml" 2>&1; then
		echo "the chart installs without the values that it needs"
		return 1
	fi
}

check_files() {
	go test -count=1 ./deploy/check
}

check_topology() {
	[ "${TOPOLOGY:-1}" != 0 ] || return 0
	go test -count=1 -tags deploycheck -run '^Test(Topology|VarnishIsPurged|NginxForgets)$' -timeout 10m ./deploy/check
}

check_panels() { # leaves a page of each dashboard in bin/dashboards
	[ "${TOPOLOGY:-1}" != 0 ] || return 0
	mkdir -p bin/dashboards
	go test -count=1 -tags deploycheck -run '^TestPanelsShowSomething$' -timeout 15m ./deploy/check -pictures "$PWD/bin/dashboards"
}

for name in scripts images compose caddy nginx varnish systemd prometheus grafana helm files topology panels; do
	check "$name"
done
exit "$failed"
