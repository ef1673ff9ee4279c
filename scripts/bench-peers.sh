#!/usr/bin/env bash
# Measures the edge beside nginx, Varnish and a bare handler on this machine and
# writes bench/RESULTS.md; see bench/peers. Arguments go to it: -quick, -help.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/usr/local/sbin"

missing=()
command -v nginx >/dev/null || missing+=(nginx)
command -v varnishd >/dev/null || missing+=(varnish)
command -v wrk >/dev/null || missing+=(wrk)
command -v taskset >/dev/null || missing+=(util-linux)

policy=/usr/sbin/policy-rc.d
forbid_services() { # Debian's packages start their services unless this says no
	[ -e $policy ] && return
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
}

if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "bench-peers: please install: ${missing[*]} (Debian's names; root's \`make bench-peers\` does it)" >&2
		exit 1
	fi
	echo "bench-peers: installing ${missing[*]}"
	forbid_services
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q
	apt-get install -qy --no-install-recommends "${missing[@]}"
fi

go build -trimpath -o bin/ ./cmd/rawlink ./bench/peers
bin/peers "$@"
