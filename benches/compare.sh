#!/usr/bin/env bash
# sockscope beside ss, netstat and lsof on the same sockets, in turn, as ratios of medians.
#
#   benches/compare.sh [SOCKETS=100000] [PROCESSES=100] [RUNS=5]
#
# Needs root: the sockets are made on loopback in a private network namespace and are gone
# when the script ends. Every command's output goes to /dev/null.
set -euo pipefail
sockets=${1:-100000} processes=${2:-100} runs=${3:-5}
cd "$(dirname "$0")/.."

if [ -z "${SOCKSCOPE_BENCH_INSIDE:-}" ]; then
    cargo build --quiet --release --bin sockscope --example scene
    SOCKSCOPE_BENCH_INSIDE=1 exec unshare --net "$0" "$sockets" "$processes" "$runs"
fi

bin=${CARGO_TARGET_DIR:-target}/release
ip link set lo up
ready=$(mktemp)
trap 'kill "$load" 2>/dev/null; rm -f "$ready"' EXIT
"$bin/examples/scene" load --count "$sockets" --processes "$processes" --hold 600 --ignore-stdin >"$ready" &
load=$!
for _ in $(seq 600); do
    [ -s "$ready" ] && break
    sleep 0.1
done
[ -s "$ready" ] || { echo "the sockets could not be made" >&2; exit 1; }

# Seconds of one run.
once() {
    local start=$EPOCHREALTIME
    "$@" >/dev/null 2>&1 || true
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.3f\n", b - a}'
}

median() { sort -n | sed -n "$((($1 + 1) / 2))p"; }

# Peak memory of one run in MiB.
memory() {
    command -v /usr/bin/time >/dev/null || { echo -; return; }
    /usr/bin/time -f %M "$@" 2>&1 >/dev/null | tail -n 1 | awk '{printf "%.0f", $1 / 1024}'
}

# NAME, a command of sockscope, and the command to compare it with.
compare() {
    local name=$1 ours=$2 theirs=$3 a=() b=()
    command -v "${theirs%% *}" >/dev/null || return 0
    once $ours >/dev/null
    for _ in $(seq "$runs"); do
        a+=("$(once $ours)")
        b+=("$(once $theirs)")
    done
    local x y
    x=$(printf '%s\n' "${a[@]}" | median "$runs")
    y=$(printf '%s\n' "${b[@]}" | median "$runs")
    printf '| %s | %s | %s s | %s s | %s times | %s MiB |\n' "$name" "$theirs" "$y" "$x" \
        "$(awk -v x="$x" -v y="$y" 'BEGIN {printf "%.1f", y / x}')" "$(memory $ours)"
}

echo "$sockets sockets over $processes processes, $(nproc) cores, $(uname -sr), $(date -u +%F), $runs runs in turn, medians"
echo
echo "| sockscope | compared with | theirs | ours | faster | our memory |"
echo "|---|---|---|---|---|---|"
compare "conns -t --format plain" "$bin/sockscope conns -t --format plain" "ss -tanp"
compare "conns -t (table)" "$bin/sockscope conns -t" "ss -tanp"
compare "conns -t --json" "$bin/sockscope conns -t --json" "ss -tanp"
compare "conns -t --no-owners" "$bin/sockscope conns -t --no-owners --format plain" "ss -tan"
compare "listen -t" "$bin/sockscope listen -t" "ss -tlnp"
compare "port 2048" "$bin/sockscope port 2048" "lsof -nP -iTCP:2048"
compare "doctor --for 0" "$bin/sockscope doctor --for 0" "ss -tanp"
compare "the overview" "$bin/sockscope" "ss -tanp"
compare "buildup" "$bin/sockscope buildup" "ss -tanp"
compare "states" "$bin/sockscope states" "ss -tan"
compare "conns -t --format plain" "$bin/sockscope conns -t --format plain" "netstat -tanp"
compare "conns -t --format plain" "$bin/sockscope conns -t --format plain" "lsof -nP -iTCP"
