"""Seconds until things begin: --help of the tools, imports, the first iteration of a training.

    python benchmarks/start_up.py [CONFIG] [--rounds 3] [--json FILE]

Each measurement is a process of its own; what is counted is its processor time. The first iteration is set beside the
bare import of torch and mmseg.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile

CONFIG = 'configs/adaptsegnet/adaptsegnet_single_deeplabv3plus-effl0_synthetic.py'
FIRST_ITERATION = """
import os, runpy, sys
from mmuda.models.wrappers.plan_executor import PlanExecutor
step = PlanExecutor.train_step
def first(*args, **kwargs):
    step(*args, **kwargs)
    os._exit(0)
PlanExecutor.train_step = first
sys.argv = ['tools/train.py', *sys.argv[1:]]
runpy.run_path('tools/train.py', run_name='__main__')
"""


def seconds(*command: str) -> float:
    """Processor time of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default=CONFIG)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--json', help='adds the rows to this file')
    args = parser.parse_args()
    os.environ['OMP_NUM_THREADS'] = '1'
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            'import torch, mmseg': ('-c', 'import torch, mmseg'),
            'import mmuda.apis': ('-c', 'import mmuda.apis'),
            'tools/train.py --help': ('tools/train.py', '--help'),
            'tools/train.py CONFIG, first iteration': ('-c', FIRST_ITERATION, args.config, '--work-dir', folder),
        }
        table = [{name: seconds(*command) for name, command in commands.items()} for _ in range(args.rounds + 1)][1:]
    rows = {}
    for name in commands:
        beyond = statistics.median(row[name] - row['import torch, mmseg'] for row in table)
        rows[name] = dict(seconds=statistics.median(row[name] for row in table), beyond_bare_import=beyond)
    from parts import report  # late: it imports torch

    report('start-up, processor time', rows, args.json)


if __name__ == '__main__':
    main()
