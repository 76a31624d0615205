"""Pairs every source patch with a target patch, once, before training."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine import dist
from mmengine.config import Config

from mmuda.apis.pair_scores import NEED_MODEL, NEED_TRUTH, PAIRING_STRATEGIES, build_scorer, label_of, of_domain
from mmuda.datasets.pairing import build_pairing, describe_patches
from mmuda.datasets.public.metainfo import check_same_classes
from mmuda.engine.raster_tiles import palette_of
from mmuda.pairing import Matches, semantic_similarity
from mmuda.registry import DATASETS
from mmuda.utils.digests import digest_of
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically
from mmuda.utils.inputs import check_outputs
from mmuda.utils.json_file import write_json
from mmuda.utils.progress import Progress
from mmuda.utils.ranks import sole_job
from mmuda.visualization import Panel, colour_labels, draw_panels, viewable

GIB = 1 << 30
# Number of target patches that are read and predicted together.
TOGETHER = 8
# Transforms that change a patch at random on each read.
RANDOM = ('Random', 'PhotoMetric', 'HistogramMatching', 'ReinhardTransfer', 'FourierTransfer')


def pair_domains(
    cfg: Config,
    out: str | os.PathLike,
    strategy: str,
    checkpoint: str | os.PathLike | None = None,
    feature: str | None = None,
    memory: int = GIB,
    seed: int = 0,
    device: str | None = None,
    report: Callable[[str], None] = print,
) -> dict:
    """Compute a mapping source -> target and write it for :class:`UDADataset`.

    The patches are those of the config's streams: fixed sets (:class:`PatchSet`, or rasters with ``tile``). Source
    labels (N, L) stay in memory and target patches are read in blocks. After each block, the best matches so far are
    saved next to ``out``, so that an interrupted run can continue. Under a launcher, every process matches its share of
    the source.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`, with ``train_dataloader.dataset.source`` and ``target``.
        out: JSON file to write, whole or not at all: ``pairs`` (target index of each source patch), ``scores``, their
            mean and standard deviation, and their origin. ``<out>.png`` shows some pairs.
        strategy: ``'random'``; ``'ground_truth'`` (SemSim, equation 1; reads target labels, an upper bound);
            ``'approximation'`` (SemSim*, equation 2, by a segmentor trained on the source); ``'shuffled_ground_truth'``
            (ground truth's targets, reassigned); ``'image_mmd'``, ``'feature_mmd'`` (smallest discrepancy between
            pixels or between features, see :class:`MeanEmbedding`).
        checkpoint: Weights of the source-trained segmentor, for ``approximation`` and ``feature_mmd``.
        feature: Submodule of the segmentor whose output ``feature_mmd`` compares; None uses the last features of the
            backbone. The paper uses the 1x1 convolution that fuses the ASPP branches: ``'decode_head.bottleneck'``.
        memory: Bytes for working arrays.
        seed: Seed of all random draws.
        device: E.g. ``'cuda:0'``; None takes a GPU if there is one.
        report: Called with lines for the user.

    Returns:
        The content of the written file.

    Raises:
        UserError: If the strategy is unknown, a checkpoint or labels are missing, or the patches are not fixed.
    """
    if strategy not in PAIRING_STRATEGIES:
        raise UserError(f'strategy {strategy!r} is unknown; choose one of {", ".join(PAIRING_STRATEGIES)}')
    if strategy in NEED_MODEL and checkpoint is None:
        raise UserError(f'strategy {strategy!r} needs the checkpoint of a segmentor that was trained on the source')
    source, target = _datasets(cfg, truth=strategy in NEED_TRUTH)
    if len(source) < dist.get_world_size():
        raise UserError(f'{dist.get_world_size()} processes share {len(source)} source patches; start fewer')
    check_outputs({}, [] if checkpoint is None else [checkpoint], [out, f'{out}.png'])
    rows = range(len(source))[dist.get_rank() :: dist.get_world_size()]
    made_from = dict(
        strategy=strategy,
        seed=seed,
        checkpoint=None if checkpoint is None or strategy not in NEED_MODEL else digest_of(checkpoint),
        feature=feature if strategy == 'feature_mmd' else None,
        source=describe_patches(source),
        target=describe_patches(target),
    )
    out = Path(out)
    with sole_job(out, 'being written', lock=out.with_name(f'.{out.name}.lock')):
        scorer = build_scorer(strategy, cfg, checkpoint, feature, source, rows, memory, seed, device)
        if scorer is None:
            drawn = np.random.default_rng(seed).integers(0, len(target), len(source))
            matches = Matches(drawn[list(rows)], np.full(len(rows), np.nan))
        else:
            matches = _match(scorer, target, len(rows), out, made_from, report)
        index, score = _gather(matches, rows, len(source))
        if strategy == 'shuffled_ground_truth':
            index = np.random.default_rng(seed).permutation(index)
            score = np.full(len(score), np.nan)
        unmatched = np.flatnonzero(index < 0)
        if len(unmatched):
            # Patches with only ignored pixels match all targets equally badly.
            index[unmatched] = np.random.default_rng(seed).integers(0, len(target), len(unmatched))
        known = score[~np.isnan(score)]
        result = dict(
            made_from,
            num_source=len(source),
            num_target=len(target),
            mean=float(known.mean()) if len(known) else None,
            std=float(known.std()) if len(known) else None,
            pairs=index.tolist(),
            scores=[None if np.isnan(value) else round(float(value), 7) for value in score],
        )
        if dist.is_main_process():
            write_atomically(_picture(source, target, index, score, strategy), Path(f'{out}.png'))
            write_json(result, out, indent=None)
            for rank in range(dist.get_world_size()):
                _state_file(out, rank).unlink(missing_ok=True)
        dist.barrier()
    report(f'{strategy}: {len(source)} pairs in {out}, mean score {_text(result["mean"])} ± {_text(result["std"])}')
    return result


def similarity_of_pairs(cfg: Config, pairing: str | Mapping | None = None) -> tuple[np.ndarray, np.ndarray]:
    """SemSim (equation 1) of the pairs that a config trains on, from any source; reads the target's labels.

    Args:
        cfg: The config, whose ``train_dataloader.dataset.pairing`` names the pairs.
        pairing: Pairs to use instead of the config's, e.g. the name of a file (see
            :func:`mmuda.datasets.pairing.build_pairing`).

    Returns:
        SemSim (N,) of each source patch with its target patch, in [0, 1], NaN where nothing can be compared; and the
        target indices (N,).

    Raises:
        UserError: If there is no such file, or it was made for other patches.
    """
    source, target = _datasets(cfg, truth=True)
    pairing = cfg.train_dataloader.dataset.get('pairing', 'random') if pairing is None else pairing
    try:
        chosen = build_pairing(pairing, len(source), len(target), source, target)
    except FileNotFoundError as error:
        raise UserError(str(error)) from error
    classes = len(source.metainfo['classes'])
    index = np.array([chosen(i) for i in range(len(source))])
    score = [
        semantic_similarity(label_of(source[i])[None], label_of(target[j])[None], classes)[0, 0]
        for i, j in enumerate(index.tolist())
    ]
    return np.array(score), index


def _datasets(cfg: Config, truth: bool):
    """Source and target of a config; the target has labels only if the strategy needs them."""
    streams = cfg.train_dataloader.dataset
    if not streams.get('target'):
        raise UserError(f'config {cfg.filename} has no train_dataloader.dataset.target to pair with')
    target_cfg = dict(streams.target)
    inner = dict(target_cfg['dataset']) if target_cfg['type'] == 'PatchSet' else target_cfg
    inner['labelled'] = truth
    if target_cfg['type'] == 'PatchSet':
        target_cfg['dataset'] = inner
    built = []
    for name, one in (('source', dict(streams.source)), ('target', target_cfg)):
        if one['type'] != 'PatchSet' and not one.get('tile'):
            raise UserError(
                f'the {name} of config {cfg.filename} draws new crops each time, so pairs would mean nothing; use a '
                'PatchSet, or rasters with tile=...'
            )
        changing = [step['type'] for step in one.get('pipeline') or [] if step['type'].startswith(RANDOM)]
        if changing:
            raise UserError(
                f'the {name} of config {cfg.filename} passes through {changing[0]}, so that a patch looks different at '
                'each visit; pair with a pipeline without it'
            )
        dataset = DATASETS.build(one)
        dataset.full_init()
        built.append(dataset)
    if truth and not built[1].labelled:
        raise UserError(f'the target of config {cfg.filename} has no labels, which this strategy compares')
    ours, theirs = (dataset.metainfo.get('classes') for dataset in built)
    check_same_classes(ours, theirs, 'the source', 'the target')
    return built


def _match(scorer, target, count: int, out: Path, made_from: dict, report: Callable[[str], None]) -> Matches:
    """Find the best target of each row, block by block; continue an interrupted run."""
    state_file = _state_file(out, dist.get_rank())
    wanted = json.dumps(dict(made_from, ranks=dist.get_world_size()), sort_keys=True)
    matches, start = _resume(state_file, wanted, count)
    if start:
        report(f'going on at target patch {start} of {len(target)}')
    block = max(1, min(len(target), scorer.memory // 2 // scorer.bytes_a_target))
    progress = Progress(len(target), 'target patches', report, done=start)
    while start < len(target):
        end = min(start + block, len(target))
        encoded = []
        for j in range(start, end, TOGETHER):  # so that images are not kept
            encoded.append(scorer.encode([of_domain('target', target[k]) for k in range(j, min(j + TOGETHER, end))]))
        matches.update(scorer.score(torch.cat(encoded)), start)
        start = end
        buffer = io.BytesIO()
        np.savez(buffer, index=matches.index, score=matches.score, start=start, made_from=wanted)
        write_atomically(buffer.getvalue(), state_file)
        progress.update(start)
    return matches


def _resume(state_file: Path, wanted: str, count: int) -> tuple[Matches, int]:
    if state_file.is_file():
        with np.load(state_file) as state:
            if str(state['made_from']) == wanted:
                return Matches(state['index'], state['score']), int(state['start'])
    return Matches.none_yet(count), 0


def _state_file(out: Path, rank: int) -> Path:
    return out.with_name(f'.{out.name}.{rank}.npz')


def _gather(matches: Matches, rows: range, count: int) -> tuple[np.ndarray, np.ndarray]:
    index, score = np.full(count, -1, dtype=np.int64), np.full(count, np.nan)
    for positions, one in dist.all_gather_object((list(rows), matches)):
        index[positions], score[positions] = one.index, one.score
    return index, score


def _text(value: float | None) -> str:
    return '-' if value is None else f'{value:.3f}'


def _picture(source, target, index: np.ndarray, score: np.ndarray, strategy: str, count: int = 6) -> bytes:
    """Draw some pairs, one per row: the source with its labels, and its target patch."""
    rows = []
    palette = palette_of(source)
    for i in np.linspace(0, len(source) - 1, min(count, len(source))).astype(int):
        ours, theirs = source[int(i)], target[int(index[i])]
        label = ours['data_samples'].gt_sem_seg.data[0].numpy()
        rows.append(
            [
                Panel(_image(ours), f'Source {i}', smooth=True),
                Panel(colour_labels(label, palette), 'Its labels'),
                Panel(_image(theirs), f'Target {index[i]}' + ('' if np.isnan(score[i]) else f': {score[i]:.2f}'), True),
            ]
        )
    return draw_panels(rows, source.metainfo['classes'], palette, title=f'Pairs by {strategy}')


def _image(sample: dict) -> np.ndarray:
    return viewable(sample['inputs'].permute(1, 2, 0).numpy())
