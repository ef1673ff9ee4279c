#!/usr/bin/env bash
# Gets uPlot (MIT licence) from npm into this folder, at the pinned version, and
# checks it: what is committed here is what this fetches. A new version is a new
# line here and new digests in sha256sums.
set -euo pipefail
cd "$(dirname "$0")"
version=1.6.32
into=$(mktemp -d)
trap 'rm -rf "$into"' EXIT
npm pack "uplot@$version" --silent --pack-destination "$into" >/dev/null
tar xzf "$into/uplot-$version.tgz" -C "$into"
cp "$into/package/dist/uPlot.iife.min.js" "$into/package/dist/uPlot.min.css" .
cp "$into/package/LICENSE" uPlot.LICENSE
sha256sum --check --quiet sha256sums
