#!/usr/bin/env bash
# seaweedfs.sh builds SeaweedFS of a pinned version into bin/tools, for the tests that
# want a second S3 server. `go install` refuses a module that replaces another, as
# this one does, so it is built where the module is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
version=v0.0.0-20261109003541-7506e5f91cd6

built=bin/tools/weed
[ -x "$built" ] && [ "$(cat "$built.version" 2>/dev/null)" = "$version" ] && exit
echo "seaweedfs: building $version into bin/tools" >&2
mkdir -p bin/tools
out=$PWD/$built
download() { GOFLAGS='' go mod download -json "github.com/seaweedfs/seaweedfs@$version"; }
build() { (cd "$source" && GOFLAGS='' GOWORK=off go build -trimpath -ldflags '-s -w' -o "$out" ./weed); }
# Each again, for the go command downloads once: a proxy may be busy.
source=$( (download || { sleep 15 && download; }) | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
build || { sleep 15 && build; }
echo "$version" >"$out.version"
