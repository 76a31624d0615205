"""All that has to be seen on a GPU, in one call of under ten minutes; a short table comes last.

    python benchmarks/gpu.py [--json FILE] [--data]
    python benchmarks/gpu.py --tiny        # on the CPU, at tiny sizes: does the script itself work?

1. Versions, the card, ``--check`` of five configs on synthetic imagery (with ``--data``, which renders it), the tests
   with the marker ``gpu``.
2. Steps of SRDA-Net at the paper's size, and of AdaptSegNet and DACS on DeepLab-v2 R101: float32, tf32, bfloat16,
   float16, channels_last, compiled; seconds, images a second, memory. Beside them supervised training of the same
   segmentor by mmseg's own ``train_step``.
3. Waits for the card in a step, as CUDA itself reports them.
Each part stands alone: what fails is named in the table, and the rest goes on.
"""

import argparse
import subprocess
import sys
import time
import traceback
import warnings
from functools import partial

import torch
from method_steps import batch_for, training
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from parts import Training, in_turns, random_batch, report
from srda_step import CONFIG as SRDA

from mmuda.registry import MODELS

CHECKED = (
    'adaptsegnet/adaptsegnet_single_deeplabv3plus-effl0',
    'mic/mic_deeplabv3plus-effl0',
    'isia_aim/isia_aim_deeplabv3plus-effl0',
    'srda/srda_resaspp',
    'low2high/aggregation_unet-r18',
)
MODES = {
    'float32': dict(),
    'tf32': dict(tf32=True),
    'float32, channels_last': dict(channels_last=True),
    'tf32, channels_last': dict(tf32=True, channels_last=True),
    'bfloat16': dict(dtype='bfloat16'),
    'bfloat16, channels_last': dict(dtype='bfloat16', channels_last=True),
    'float16, channels_last': dict(dtype='float16', channels_last=True),
    'bfloat16, channels_last, compiled': dict(dtype='bfloat16', channels_last=True, compile=True),
}
ON_A_CPU = ('float32', 'float32, channels_last', 'bfloat16')


def run(*command: str, limit: int = 300) -> str:
    """'passed', or the last line of what a command said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return f'longer than {limit} s'
    lines = (done.stdout + done.stderr).strip().splitlines() or ['']
    return 'passed' if done.returncode == 0 else f'failed: {lines[-1][:150]}'


def step_of(build, mode: dict, batch_of, device: str) -> dict[str, float]:
    """Seconds of a step after warm-up, images a second, and the peak memory in GiB of the card."""
    mode = dict(mode)
    tf32 = mode.pop('tf32', False)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    one = build(device=device, **mode)
    batch = batch_of(one)
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    for _ in range(3 if device == 'cuda' else 1):
        one.step(batch)
    seconds = in_turns({'step': lambda: one.step(batch)}, 7 if device == 'cuda' else 1)['step']['seconds']
    images = sum(len(stream['data_samples']) for stream in batch.values())
    row = dict(seconds=seconds, images_a_second=images / seconds)
    if device == 'cuda':
        row['gib'] = torch.cuda.max_memory_allocated() / 2**30
    return row


class MMSegTraining:
    """The same segmentor trained by mmseg's own ``train_step`` on the source."""

    def __init__(self, device: str, side: int, dtype: str | None = None, channels_last: bool = False) -> None:
        one = training('source_only')
        self.classes = one.classes
        preprocessor = dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, size=(side, side))
        model = MODELS.build(dict(one.cfg.model.segmentor, data_preprocessor=preprocessor)).to(device).train()
        self.model = model.to(memory_format=torch.channels_last) if channels_last else model
        optimizer = torch.optim.SGD(model.parameters(), lr=2.5e-4, momentum=0.9, weight_decay=5e-4)
        kind = OptimWrapper if dtype is None else partial(AmpOptimWrapper, dtype=dtype)
        self.wrapper = kind(optimizer=optimizer)

    def step(self, batch: dict) -> None:
        """One step on the source alone."""
        self.model.train_step(batch['source'], self.wrapper)


def waits_of(one: Training, batch: dict) -> dict[str, float]:
    """How often a step waits for the card, by who asks, as CUDA's own debug mode warns."""
    one.step(batch)
    torch.cuda.set_sync_debug_mode('warn')
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            one.step(batch)
    finally:
        torch.cuda.set_sync_debug_mode('default')
    files = [warning.filename for warning in told if 'synchroniz' in str(warning.message)]
    return {
        place: float(sum(f'/{place}/' in file for file in files)) for place in ('mmuda', 'mmseg', 'mmengine', 'torch')
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--tiny', action='store_true', help='tiny sizes, on the CPU if there is no card')
    parser.add_argument('--data', action='store_true', help='also --check five configs, which renders imagery')
    parser.add_argument('--json', help='adds the rows to this file')
    args = parser.parse_args()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    if device == 'cpu' and not args.tiny:
        parser.error('there is no GPU; --tiny tries the script on the CPU')
    modes = MODES if device == 'cuda' else {name: MODES[name] for name in ON_A_CPU}
    coarse, fine, side, count = (29, 95, 65, 1) if args.tiny else (114, 380, 512, 2)
    begin, notes = time.monotonic(), {}
    notes['tests'] = run(sys.executable, '-m', 'pytest', '-q', '-n', '0', '-m', 'gpu', 'tests')
    for name in CHECKED if args.data else ():
        notes[f'--check {name}'] = run(sys.executable, 'tools/train.py', f'configs/{name}_synthetic.py', '--check')
    jobs = {
        f'SRDA-Net {coarse} -> {fine} px, batch {count}': (
            lambda **options: Training(SRDA, **options),
            lambda one: random_batch(one.cfg.train_dataloader.dataset, one.classes, coarse, count, fine),
            modes,
        ),
    }
    for name in ('source_only', 'adaptsegnet', 'dacs'):
        jobs[f'{name}, R101, {side} px, batch {count}'] = (
            lambda name=name, **options: training(name, **options),
            # What is not trained on must not count.
            lambda one, name=name: {
                stream: content
                for stream, content in batch_for(one, side, count).items()
                if stream == 'source' or name != 'source_only'
            },
            modes,
        )
    jobs[f'mmseg alone, R101, {side} px, batch {count}'] = (
        lambda **options: MMSegTraining(side=side, **options),
        lambda one: {'source': batch_for(one, side, count)['source']},
        # mmengine's mixed precision needs a card; it scales no loss in bfloat16.
        {name: modes[name] for name in modes if modes[name].get('dtype', '') in ('', 'bfloat16' * (device == 'cuda'))},
    )
    for title, (build, batch_of, chosen) in jobs.items():
        rows = {}
        for mode, options in chosen.items():
            if 'mmseg' in title and options.get('compile'):
                continue
            try:
                rows[mode] = step_of(build, options, batch_of, device)
            except Exception as error:  # noqa: BLE001  the rest of the table must come all the same
                traceback.print_exc()
                notes[f'{title}, {mode}'] = f'{type(error).__name__}: {str(error).splitlines()[0][:120]}'
            if device == 'cuda':
                torch.cuda.empty_cache()
        report(title, rows, args.json)
    if device == 'cuda':
        one = training('adaptsegnet', device=device)
        report('waits for the card in a step of AdaptSegNet', {'by': waits_of(one, batch_for(one, side, count))}, None)
    print(f'\n{time.monotonic() - begin:.0f} s on {torch.cuda.get_device_name() if device == "cuda" else "the CPU"}')
    for what, said in notes.items():
        print(f'  {what}: {said}')


if __name__ == '__main__':
    main()
