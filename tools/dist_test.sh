#!/usr/bin/env bash
# Test on N devices of this machine, or as one machine of several:
#   tools/dist_test.sh CONFIG CHECKPOINT N [options of test.py]
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=first-machine PORT=29500 tools/dist_test.sh CONFIG CHECKPOINT N
# Without a GPU the N processes run on the CPU (gloo).
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT N [options of test.py]" >&2
    exit 2
fi
CONFIG=$1
CHECKPOINT=$2
N=$3
shift 3
TOOLS=$(cd "$(dirname "$0")" && pwd)

# Each process gets its share of the cores; more threads than cores wait for each other.
SHARE=$(($(getconf _NPROCESSORS_ONLN) / N))
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((SHARE > 0 ? SHARE : 1))}
export PYTHONPATH="$(dirname "$TOOLS")${PYTHONPATH:+:$PYTHONPATH}"

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$N" \
    "$TOOLS/test.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "$@"
