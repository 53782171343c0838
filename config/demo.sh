#!/usr/bin/env bash
# The main job in a minute: start the daemon on its embedded queue, submit the samples, show the results, drain.
set -euo pipefail
cd "$(dirname "$0")/.."
worker=${BIN:-.venv/bin}/llamaparse-worker
output=$PWD/demo-output
mkdir -p "$output"
state=$(mktemp -d)

# Nothing of the caller's environment may send the demo elsewhere: the daemon runs on its defaults.
demo=(env -i "PATH=$PATH" "HOME=${HOME:-/}" LANG=C.UTF-8 "TERM=${TERM:-dumb}" PORT=0
    "SQLITE_PATH=$state/worker.sqlite3" "OBJECTS_DIR=$state/objects" "$worker")

echo "Starting the daemon: llamaparse-worker run"
"${demo[@]}" run 2> "$output/daemon.log" &
daemon=$!
trap 'kill "$daemon" 2>/dev/null || true; rm -rf "$state"' EXIT

echo "Submitting the samples: llamaparse-worker submit config/samples --wait"
"${demo[@]}" submit config/samples --wait --output "$output"

for result in "$output"/*/result.md; do
    printf '\n%s\n' "$result"
    head -n 12 "$result" | sed 's/^/    /'
done

printf '\nDraining the daemon: SIGTERM\n'
kill -TERM "$daemon"
wait "$daemon"
rm -rf "$state"
trap - EXIT
echo "Done. The results stay in $output"
