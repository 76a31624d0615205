"""Scores of target patches for each source patch, by labels, predictions, pixels or features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from mmuda.apis.inference import init_model, segmentor_of
from mmuda.pairing import semantic_similarity
from mmuda.pairing.mean_embedding import MeanEmbedding, median_distance
from mmuda.pairing.semsim import DEFAULT_MEMORY
from mmuda.structures import no_data_of, no_data_of_prediction
from mmuda.utils.errors import UserError

PAIRING_STRATEGIES = ('random', 'ground_truth', 'approximation', 'shuffled_ground_truth', 'image_mmd', 'feature_mmd')
NEED_MODEL = ('approximation', 'feature_mmd')
NEED_TRUTH = ('ground_truth', 'shuffled_ground_truth')
# Number of float64 arrays (source by target patches) that a block of scores needs.
SCORE_ARRAYS = 5


class _Labels:
    """SemSim of source labels with target labels."""

    def __init__(self, source, rows, memory: int, device: str) -> None:
        self.classes = len(source.metainfo['classes'])
        self.source = torch.stack([label_of(source[i]) for i in rows]).to(device)
        self.memory = memory
        self.bytes_a_target = SCORE_ARRAYS * 8 * len(rows) + self.source.shape[1]

    def encode(self, samples: list[dict]) -> Tensor:
        """Labels (m, L) of target samples."""
        return torch.stack([label_of(sample) for sample in samples])

    def score(self, encoded: Tensor) -> np.ndarray:
        """Scores (rows, m) of encoded target patches."""
        return semantic_similarity(self.source, encoded, self.classes, min(self.memory // 4, DEFAULT_MEMORY))


class _Predictions(_Labels):
    """SemSim* of source labels with predictions for the target; probabilities are 0 where the target holds no data."""

    def __init__(self, model, source, rows, memory: int, device: str) -> None:
        super().__init__(source, rows, memory, device)
        self.model = model
        self.bytes_a_target = SCORE_ARRAYS * 8 * len(rows) + 4 * self.classes * self.source.shape[1]

    @torch.no_grad()
    def encode(self, samples: list[dict]) -> Tensor:
        """Probabilities (m, K, L)."""
        predicted = self.model.test_step(pseudo_collate(samples))
        return torch.stack([_probabilities(one).flatten(1) for one in predicted])


class _Discrepancy:
    """Minus the squared distance of mean embeddings, of pixels or of features, where they hold data."""

    def __init__(self, samples_of: Callable[[dict], Tensor], source, rows, memory: int, seed: int) -> None:
        self.samples_of = samples_of
        self.memory = memory
        # The same ones on every rank, since the kernel must not depend on how rows are distributed.
        first = torch.cat([samples_of(of_domain('source', source[i])) for i in range(min(16, len(source)))])
        self.embedding = MeanEmbedding(first.shape[1], median_distance(first.cpu(), seed), seed=seed)
        self.source = torch.stack([self.embedding(samples_of(of_domain('source', source[i]))) for i in rows]).double()
        self.bytes_a_target = 8 * (SCORE_ARRAYS * len(rows) + self.source.shape[1])

    def encode(self, samples: list[dict]) -> Tensor:
        """Mean embeddings (m, D)."""
        return torch.stack([self.embedding(self.samples_of(sample)) for sample in samples]).double()

    def score(self, encoded: Tensor) -> np.ndarray:
        """Scores (rows, m), at most 0."""
        return -torch.cdist(self.source, encoded).square().cpu().numpy()


def build_scorer(strategy, cfg, checkpoint, feature, source, rows, memory, seed, device):
    """Gives the scores (rows, m) of m target samples; None where nothing is scored."""
    device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
    if strategy == 'random':
        return None
    if strategy in NEED_TRUTH:
        return _Labels(source, rows, memory, device)
    if strategy == 'image_mmd':
        return _Discrepancy(lambda sample: _pixels(sample['inputs'].to(device), sample), source, rows, memory, seed)
    model = init_model(cfg, checkpoint, device)
    if strategy == 'approximation':
        return _Predictions(model, source, rows, memory, device)
    return _Discrepancy(_FeatureReader(model, feature), source, rows, memory, seed)


class _FeatureReader:
    """Features (P, C) of a sample at a submodule of the segmentor."""

    def __init__(self, model, path: str | None) -> None:
        self.model = model
        self.segmentor = segmentor_of(model)
        try:
            self.module = None if path is None else self.segmentor.get_submodule(path)
        except AttributeError as error:
            raise UserError(
                f'--feature {path}: {type(self.segmentor).__name__} has no such submodule; name one that '
                '`segmentor.named_modules()` lists'
            ) from error

    @torch.no_grad()
    def __call__(self, sample: dict) -> Tensor:
        inputs = self.model.data_preprocessor(pseudo_collate([sample]))['inputs']
        if self.module is None:
            return _pixels(self.segmentor.extract_feat(inputs)[-1][0], sample)
        kept = []
        handle = self.module.register_forward_hook(lambda _, __, output: kept.append(output))
        try:
            self.segmentor(inputs, mode='tensor')
        finally:
            handle.remove()
        return _pixels(kept[0][0], sample)


def _pixels(maps: Tensor, sample: dict) -> Tensor:
    """Pixels (P, C) of maps (C, h, w) that hold data; all pixels if none does."""
    pixels = maps.flatten(1).T.float()
    missing = no_data_of(sample['data_samples'], maps.shape[-2:])
    return pixels if missing is None or missing.all() else pixels[~missing.flatten().to(pixels.device)]


def _probabilities(prediction) -> Tensor:
    prob = prediction.seg_logits.data.float().softmax(dim=0)
    missing = no_data_of_prediction(prediction, prob.shape[-2:])
    return prob if missing is None else prob.masked_fill(missing.to(prob.device), 0)


def label_of(sample: dict) -> Tensor:
    """The label (L,) uint8 of a sample.

    Raises:
        UserError: If it has no label.
    """
    if 'gt_sem_seg' not in sample['data_samples']:
        raise UserError(f'{sample["data_samples"].metainfo.get("img_path")} came without a label; pairing needs it')
    return sample['data_samples'].gt_sem_seg.data.flatten().to(torch.uint8)


def of_domain(domain: str, sample: dict) -> dict:
    """The sample with its domain, whose statistics normalise it."""
    sample['data_samples'].set_metainfo(dict(domain=domain))
    return sample
