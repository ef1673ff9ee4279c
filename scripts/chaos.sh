#!/usr/bin/env bash
# Runs the fault suite (internal/chaos) once for SEED, or for SEEDS seeds in a row,
# and then prints what came of it. The results, a file for each seed, stay in
# bin/chaos/results. ROUNDS repeats each fault, LONG=1 takes the time that whole
# waits need, RACE=1 builds the programs with the race detector, RUN chooses
# scenarios as `go test -run` does. WORLDS are played at once, two unless it says
# otherwise: more keep the machine busier.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/bin/chaos
results=$folder/results
mkdir -p "$results"

options=(-test.v -test.parallel "${WORLDS:-2}" -test.timeout 60m -test.run "${RUN:-.}" -test.skip '^Test(Oracle|Visit|Path)' -rounds "${ROUNDS:-1}")
[ -z "${LONG:-}" ] || options+=(-long)
[ -z "${RACE:-}" ] || options+=(-programs-race)
go test -c -tags chaos -o "$folder/suite" ./internal/chaos

first=${SEED:-$((($(date +%s%N) / 1000000) % 4000000000 + 1))}
failed=()
files=()
for ((i = 0; i < ${SEEDS:-1}; i++)); do
	seed=$((first + i * 1000)) # the worlds of one seed take the numbers after it
	file=$results/$seed.jsonl
	rm -f "$file"
	files+=("$file")
	began=$SECONDS
	(cd internal/chaos && "$folder/suite" "${options[@]}" -seed "$seed" -results "$file") >"$folder/$seed.log" 2>&1 || failed+=("$seed")
	grep -E '^ *--- |^ +[a-z]+\.go:[0-9]+: ' "$folder/$seed.log" | cut -c1-400 || true
	echo "chaos: seed $seed took $((SECONDS - began)) s; its log is bin/chaos/$seed.log"
done

go run ./internal/chaos/table "${files[@]}"
if [ ${#failed[@]} -gt 0 ]; then
	echo "chaos: failed with these seeds: ${failed[*]}; again with: make chaos SEED=${failed[0]}" >&2
	exit 1
fi
echo "chaos: ${SEEDS:-1} seed(s), all green"
