#!/usr/bin/env bash
# Runs the fleet test (internal/chaos, build tag fleet): every part on a host of its
# own, in network namespaces, and faults of networks and hosts. Installs iproute2 and
# nftables where they are missing. Where namespaces aren't permitted it says so, and
# fails if FLEET_REQUIRED is set. SEED chooses the seed, RUN the scenarios.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/bin/chaos
mkdir -p "$folder"

missing=()
PATH=$PATH:/usr/sbin:/sbin
command -v ip >/dev/null || missing+=(iproute2)
command -v nft >/dev/null || missing+=(nftables)
if [ ${#missing[@]} -gt 0 ]; then
	scripts/apt.sh fleet "${missing[@]}" || true # the test says what it lacks
fi

go test -c -tags chaos,fleet -o "$folder/fleet" ./internal/chaos
seed=${SEED:-$((($(date +%s%N) / 1000000) % 4000000000 + 1))}
rm -f "$folder/fleet.jsonl"
began=$SECONDS
status=0
(cd internal/chaos && exec "$folder/fleet" -test.v -test.timeout 8m -test.run "TestFleet${RUN:+/$RUN}" -seed "$seed" -results "$folder/fleet.jsonl") >"$folder/fleet.log" 2>&1 &
tester=$!
sweep() { # what a test that was killed left behind; see netlab.New
	local id=rl$((tester % 100000)) name
	for name in $(ip netns list 2>/dev/null | awk '{ print $1 }' | grep -E "^$id[a-z]" || true); do
		ip netns del "$name" || true
	done
	ip link del "${id}b" 2>/dev/null || true
}
trap sweep EXIT
wait "$tester" || status=$?
grep -E '^ *--- |^ +[a-z_]+\.go:[0-9]+: ' "$folder/fleet.log" | cut -c1-400 || true
if grep -q '^ *--- SKIP' "$folder/fleet.log"; then
	echo "fleet: *** NOTHING WAS TESTED: this machine does not permit network namespaces ***" >&2
	exit "$status"
fi
echo "fleet: seed $seed took $((SECONDS - began)) s; its log is bin/chaos/fleet.log"
if [ "$status" != 0 ]; then
	echo "fleet: failed; again with: make fleet SEED=$seed" >&2
	exit 1
fi
