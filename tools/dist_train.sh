#!/usr/bin/env bash
# Train on N devices of this machine, or as one machine of several:
#   tools/dist_train.sh CONFIG N [options of train.py]
#   NNODES=2 NODE_RANK=0 MASTER_ADDR=first-machine PORT=29500 tools/dist_train.sh CONFIG N
# With MAX_RESTARTS=3 a process that dies takes all back to the last checkpoint, three times at most (one machine).
# Without a GPU the N processes run on the CPU (gloo).
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG N [options of train.py]" >&2
    exit 2
fi
CONFIG=$1
N=$2
shift 2
TOOLS=$(cd "$(dirname "$0")" && pwd)

# Each process gets its share of the cores; more threads than cores wait for each other.
SHARE=$(($(getconf _NPROCESSORS_ONLN) / N))
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((SHARE > 0 ? SHARE : 1))}
export PYTHONPATH="$(dirname "$TOOLS")${PYTHONPATH:+:$PYTHONPATH}"

# A restart goes on from this job's checkpoints, never from those of an older one in the same folder.
MMUDA_JOB="$(hostname) $$ $(date +%s%N)"
export MMUDA_JOB

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$N" \
    --max_restarts="${MAX_RESTARTS:-0}" \
    "$TOOLS/train.py" "$CONFIG" --launcher pytorch "$@"
