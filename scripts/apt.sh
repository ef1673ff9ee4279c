#!/usr/bin/env bash
# apt.sh WHO PACKAGE… installs Debian packages without starting their services, or
# says which are missing where it may not. WHO is the make target that asks.
set -euo pipefail
who=$1
shift
[ $# -gt 0 ] || exit 0

policy=/usr/sbin/policy-rc.d
forbid_services() { # Debian's packages start their services unless this says no
	[ -e $policy ] && return
	trap 'rm -f $policy' EXIT
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
}

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "$who: please install: $* (Debian's names; root's \`make $who\` does it)" >&2
	exit 1
fi
echo "$who: installing $*"
forbid_services
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -qy --no-install-recommends "$@"
