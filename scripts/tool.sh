#!/usr/bin/env bash
# tool.sh NAME PACKAGE VERSION prints the path of a Go program of that very
# version, building it into bin/tools first if neither that nor Go's own folder
# of programs has it.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1 package=$2 version=$3

is_it() { # the program says which module version it was built from
	[ -x "$1" ] && go version -m "$1" 2>/dev/null |
		awk -v p="$package" -v v="$version" '
			$1 == "path" { path = $2 } $1 == "mod" { mod = $3 }
			END { exit !(path == p && mod == v) }'
}

gobin=$(go env GOBIN)
for folder in "$PWD/bin/tools" "${gobin:-$(go env GOPATH)/bin}"; do
	if is_it "$folder/$name"; then
		echo "$folder/$name"
		exit
	fi
done

echo "tool: building $name $version into bin/tools" >&2
mkdir -p bin/tools
install() { GOBIN="$PWD/bin/tools" GOFLAGS= go install "$package@$version" >&2; }
install || { sleep 15; install; } # the go command downloads once: a proxy may be busy
echo "$PWD/bin/tools/$name"
