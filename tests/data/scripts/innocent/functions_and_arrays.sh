#!/usr/bin/env bash
set -euo pipefail
log() { printf '[%s] %s\n' "$(date +%T)" "$*" >&2; }
run() { log "+ $*"; "$@" || { log "failed: $1"; return 1; }; }
declare -A sizes=([small]=10 [large]=100)
opts=(--threads 4 --verbose)
[ -n "${EXTRA:-}" ] && opts+=($EXTRA)
for name in "${!sizes[@]}"; do
  run ./simulate.x "${opts[@]}" --size "${sizes[$name]}" --out "${name%.*}.dat"
done
SCRIPT_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$SCRIPT_DIR/settings.sh"
case "${1:-all}" in
  clean) rm -rf build/ *.o ;;
  all) run make -j4 ;;
esac
