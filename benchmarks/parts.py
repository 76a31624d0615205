"""What the benchmarks of training share: models without downloads, random batches, measuring in turns, the machine.

Run a benchmark from the root of the project; each adds its rows to a JSON file on request.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from tabulate import tabulate
from torch import nn

from mmuda.apis import load_config, prepare
from mmuda.engine import NamedOptimWrapperConstructor
from mmuda.models.wrappers import Stage
from mmuda.registry import MODELS

PAST_WARM_UP = 10_000


def without_downloads(cfg) -> None:
    """Let networks start at random where a config names weights that would be downloaded."""
    if isinstance(cfg, dict):
        if cfg.get('type') == 'PerceptualLoss':
            cfg.update(weights=None, allow_untrained=True)
        if isinstance(cfg.get('init_cfg'), dict) and cfg['init_cfg'].get('type') == 'Pretrained':
            cfg['init_cfg'] = None
        if isinstance(cfg.get('pretrained'), str):
            cfg['pretrained'] = None
        cfg = list(cfg.values())
    if isinstance(cfg, (list, tuple)):
        for value in cfg:
            without_downloads(value)


class Training:
    """A model with its optimisers, in its last stage without pseudo labels.

    Args:
        path: Config.
        dtype: ``'bfloat16'``, ``'float16'`` (a GPU only) or None.
        channels_last: Store images and the segmentor's weights as NHWC; None as the config says.
        compile: Compile backbone and head.
        device: Where it trains.
        change: Changes the config before the model is built.
    """

    def __init__(
        self,
        path: str,
        dtype: str | None = None,
        channels_last: bool | None = None,
        compile: bool = False,
        device: str = 'cpu',
        change: Callable | None = None,
    ) -> None:
        MMLogger.get_instance('mmengine', log_level='WARNING')
        MessageHub.get_current_instance().update_info('iter', PAST_WARM_UP)
        cfg = load_config(path)
        without_downloads(cfg._cfg_dict)
        if change is not None:
            change(cfg)
        cfg = prepare(cfg)
        options = dict(cfg.model.get('networks') or {})
        if channels_last is not None:
            cfg.model.data_preprocessor.channels_last = channels_last
            options['*'] = dict(channels_last=channels_last)
        if compile:
            options |= {f'segmentor.{part}': dict(compile=True) for part in ('backbone', 'decode_head')}
        cfg.model.networks = options
        torch.manual_seed(0)
        self.cfg, self.name = cfg, Path(path).stem
        self.model = MODELS.build(cfg.model).to(device).train()
        wrappers = {key: dict(value) for key, value in cfg.optim_wrapper.items() if key != 'constructor'}
        for wrapper in wrappers.values():
            if dtype is not None:
                wrapper['type'] = 'SyncAmpOptimWrapper' if dtype == 'float16' else 'SyncOptimWrapper'
                wrapper['dtype'] = dtype
        self.optimizers = NamedOptimWrapperConstructor(wrappers)(self.model)
        stages = [Stage.from_cfg(stage) for stage in cfg.train_cfg.stages]
        self.model.set_stage([stage for stage in stages if not stage.pseudo_labels][-1])

    @property
    def classes(self) -> int:
        head = self.model.segmentor.decode_head
        return (head[-1] if isinstance(head, nn.ModuleList) else head).num_classes

    def step(self, batch: dict) -> dict:
        """One training step."""
        return self.model.train_step(batch, self.optimizers)


def random_batch(dataset: Mapping, classes: int, size: int, count: int, fine: int | None = None) -> dict:
    """Random images of each stream of a UDADataset's config, with labels in blocks where the stream has them.

    Args:
        dataset: The config.
        classes: Number of classes.
        size: Side of an image in pixels.
        count: Images of each stream.
        fine: Side of ``fine_image`` and of the labels, for a super-resolving segmentor.
    """
    generator, batch = torch.Generator().manual_seed(0), {}
    for name, stream in dataset.items():
        if not isinstance(stream, Mapping) or 'type' not in stream:
            continue
        samples = [SegDataSample(metainfo=dict(domain=name)) for _ in range(count)]
        side = fine or size
        for sample in samples if name != 'target' else ():
            blocks = torch.randint(classes, (1, -(-side // 32), -(-side // 32)), generator=generator)
            label = blocks.repeat_interleave(32, 1).repeat_interleave(32, 2)[:, :side, :side].clone()
            sample.gt_sem_seg = PixelData(data=label)
        keys = dict(inputs=size) if fine is None else dict(inputs=size, fine_image=fine)
        images = {
            key: [torch.randint(256, (3, pixels, pixels), generator=generator, dtype=torch.uint8) for _ in samples]
            for key, pixels in keys.items()
        }
        batch[name] = dict(images, data_samples=samples)
    return batch


def clock() -> float:
    """Seconds; of the processor for one thread of a CPU, so that other processes count less."""
    alone = not torch.cuda.is_available() and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()


def waited() -> None:
    """Wait for the GPU, if there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def in_turns(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """Call each variant in each round, so that a busy machine slows all alike; the first round warms up.

    Returns:
        By name ``seconds`` (median), ``ratio`` (median over rounds of the first variant's seconds over this one's:
        above 1 is faster than the first) and its ``lowest`` and ``highest``.
    """
    table = []
    for _ in range(rounds + 1):
        row = []
        for variant in variants.values():
            waited()
            start = clock()
            variant()
            waited()
            row.append(clock() - start)
        table.append(row)
    rows = {}
    for i, name in enumerate(variants):
        ratios = [row[0] / row[i] for row in table[1:]]
        rows[name] = dict(
            seconds=statistics.median(row[i] for row in table[1:]),
            ratio=statistics.median(ratios),
            lowest=min(ratios),
            highest=max(ratios),
        )
    return rows


def ceilings(device: str = 'cpu') -> dict[str, float]:
    """What the machine reaches: matrix products in 10^9 operations a second, a copy in 10^9 bytes a second."""
    found = {}
    for name in ('float32', 'bfloat16'):
        one = torch.rand(2048, 2048, device=device).to(getattr(torch, name))
        found[f'{name} products'] = 2 * 2048**3 / best(lambda one=one: one @ one) / 1e9
    memory = torch.rand(64 * 2**20 // 4, device=device)
    other = torch.empty_like(memory)
    found['copy'] = 2 * memory.nbytes / best(lambda: other.copy_(memory)) / 1e9
    return found


def best(function: Callable[[], object], times: int = 7) -> float:
    """The shortest of several measurements in seconds, after a first one."""
    seconds = []
    for _ in range(times + 1):
        waited()
        start = clock()
        function()
        waited()
        seconds.append(clock() - start)
    return min(seconds[1:])


def processor() -> str:
    """Name of the GPU, or of the CPU with its number of threads."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path('/proc/cpuinfo').read_text(encoding='utf-8') if os.path.exists('/proc/cpuinfo') else ''
    names = {line.partition(':')[2].strip() for line in info.splitlines() if line.startswith('model name')}
    return f'{" ".join(sorted(names)) or platform.processor()}, {torch.get_num_threads()} threads'


def report(title: str, rows: Mapping[str, Mapping], out: str | None) -> None:
    """Print a table, and add it to a JSON file."""
    print(f'\n{title} ({processor()}, torch {torch.__version__})')
    for name, row in rows.items():
        print(f'  {name:<44} ' + '  '.join(f'{key} {value:.3f}' for key, value in row.items()), flush=True)
    if out:
        path = Path(out)
        kept = json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
        kept[title] = dict(machine=processor(), torch=torch.__version__, rows={k: dict(v) for k, v in rows.items()})
        path.write_text(json.dumps(kept, indent=1), encoding='utf-8')


def main() -> None:
    """Print the rows of JSON files as the tables of docs/performance.md: ``python benchmarks/parts.py FILE ...``."""
    for name in sys.argv[1:]:
        for title, table in json.loads(Path(name).read_text(encoding='utf-8')).items():
            keys = list(dict.fromkeys(key for row in table['rows'].values() for key in row))
            lines = [[row, *(f'{values[key]:.3g}' for key in keys)] for row, values in table['rows'].items()]
            print(f'\n{title} ({table["machine"]}, torch {table["torch"]})\n')
            print(tabulate(lines, ['', *(key.replace('_', ' ') for key in keys)], 'github', disable_numparse=True))


if __name__ == '__main__':
    main()
