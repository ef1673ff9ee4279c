#!/usr/bin/env bash
# secrets.sh [FOLDER] draws the secrets of the compose topology, once: what is there
# stays. Keep a copy elsewhere; without token_keys and mint_secret every link ends.
set -euo pipefail
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 711 "$folder" # the containers' users reach the files by name
cd "$folder"

hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
keep() { # keep NAME VALUE
	[ -s "$1" ] || printf '%s' "$2" >"$1"
	chmod 444 "$1"
}
keep token_keys "1:$(hex 32)"
keep mint_secret "$(hex 32)"
keep lease_key "$(hex 32)"
keep internal_key "$(hex 32)"
keep s3_secret_key "$(hex 20)"
keep grafana_password "$(hex 12)"
keep postgres_password "$(hex 20)"
keep redis_password "$(hex 20)"
keep database_url "postgres://rawlink:$(cat postgres_password)@postgres:5432/rawlink?sslmode=disable"
keep redis_url "redis://:$(cat redis_password)@sentinel-1:26379,sentinel-2:26379,sentinel-3:26379"
