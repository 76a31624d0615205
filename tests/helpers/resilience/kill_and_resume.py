"""Kill a run with SIGKILL again and again, resume it each time, and compare with a run that was never killed.

    python tests/helpers/resilience/kill_and_resume.py --kills 20 --out FOLDER   # one process, two workers
    python tests/helpers/resilience/kill_and_resume.py --kills 20 --processes 2 --out FOLDER    # two processes

Half of the kills come at a random time, a quarter in the middle of a checkpoint, a quarter inside a validation; what
reaches the end unharmed is not counted, the run begins anew then. Ends with a table, and status 1 if any weight, state
of an optimiser, or logged value differs in one bit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
LAST = 'iter_40.pth'
# Differ with the clock, not with the training.
TIMES = ('time', 'data_time', 'memory', 'eta')


def start(work_dir: Path, processes: int, resume: bool, **environment: str) -> subprocess.CompletedProcess:
    """Train ``config.py`` in new processes, until they end or are killed."""
    train = [str(ROOT / 'tools' / 'train.py'), str(HERE / 'config.py'), '--work-dir', str(work_dir)]
    train += ['--resume', 'auto'] if resume else []
    python = [sys.executable]
    if processes > 1:
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        python += ['-m', 'torch.distributed.run', f'--nproc_per_node={processes}', f'--master_port={port}']
        python += [f'--max_restarts={environment.pop("MAX_RESTARTS", "0")}']
        train += ['--launcher', 'pytorch']
    environment = {'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '', **environment}
    return subprocess.run(
        [*python, *train],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def logged(work_dir: Path) -> dict[int, list[dict]]:
    """What was logged at each iteration, by every process that came past it."""
    lines: dict[int, list[dict]] = {}
    for path in sorted(work_dir.glob('*/vis_data/*.json')):
        if path.name == 'config.json':
            continue
        for line in path.read_text().splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the line that was being written
                continue
            kept = {key: value for key, value in entry.items() if key not in TIMES}
            if 'step' in kept:
                lines.setdefault(kept['step'], []).append(kept)
    return lines


def disagreements(whole: Path, killed: Path) -> list[str]:
    """What differs between two runs, in words."""
    found = []
    ours, theirs = (torch.load(folder / LAST, weights_only=False) for folder in (whole, killed))
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        found += [f'{part}{path}' for path in differences(ours[part], theirs[part])]
    expected, seen = logged(whole), logged(killed)
    for step, entries in expected.items():
        # A step is logged by training and by validation, in a killed run perhaps twice; all must agree.
        strange = [other for other in seen.get(step, []) if other not in entries]
        missing = [entry for entry in entries if entry not in seen.get(step, [])]
        if strange or missing:
            found.append(f'log of iteration {step}: {missing} missing, {strange} instead')
    return found


def differences(ours, theirs, path: str = '') -> list[str]:
    """Paths at which two nested states are not bitwise equal."""
    if isinstance(ours, dict):
        keys = ours.keys() | theirs.keys()
        return [found for key in keys for found in differences(ours.get(key), theirs.get(key), f'{path}/{key}')]
    if isinstance(ours, (list, tuple)) and len(ours) == len(theirs):
        return [found for i, pair in enumerate(zip(ours, theirs)) for found in differences(*pair, f'{path}/{i}')]  # noqa: B905
    equal = torch.equal(ours, theirs) if isinstance(ours, torch.Tensor) else ours == theirs
    return [] if equal else [path]


def moment(rng: random.Random, number: int, seconds: float) -> str:
    """Where the next kill comes."""
    if number % 4 == 2:
        return f'write:{rng.randint(1, 2)}'
    if number % 4 == 3:
        return f'validation:{rng.randint(1, 6)}'
    return f'time:{rng.uniform(0, seconds):.2f}'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--processes', type=int, default=1)
    parser.add_argument('--seed', type=int, default=0, help='of the moments')
    parser.add_argument('--out', type=Path, required=True)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    shutil.rmtree(args.out, ignore_errors=True)
    whole = args.out / 'whole'
    result = start(whole, args.processes, resume=False)
    assert result.returncode == 0, result.stdout[-3000:]
    seconds = json.loads((whole / 'summary.json').read_text())['seconds']
    print(f'never killed: {seconds} s', flush=True)

    kills, run, failures = 0, 0, []
    while kills < args.kills:
        killed = args.out / f'killed_{run}'
        harmed = 0
        while True:
            at = moment(rng, kills, seconds / 2) if kills < args.kills else ''
            result = start(killed, args.processes, resume=True, KILL=at)
            if result.returncode == 0:
                break
            if 'SIGKILL' not in result.stdout and result.returncode != -9:
                print(result.stdout[-3000:])
                return 1
            kills, harmed = kills + 1, harmed + 1
            print(f'kill {kills} at {at}: last checkpoint {note(killed)}', flush=True)
        found = disagreements(whole, killed)
        failures += found
        print(f'run {run}: killed {harmed} times, then {len(found)} differences {found[:3]}', flush=True)
        run += 1
    print(f'{kills} kills in {run} runs of {args.processes} processes: {len(failures)} differences')
    return bool(failures)


def note(work_dir: Path) -> str:
    path = work_dir / 'last_checkpoint'
    return Path(path.read_text()).name if path.is_file() and path.read_text() else 'none'


if __name__ == '__main__':
    sys.exit(main())
