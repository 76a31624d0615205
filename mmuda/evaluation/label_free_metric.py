"""Criteria that tell models apart without a label."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from mmengine.evaluator import BaseMetric

from mmuda.evaluation.criteria import entropy_statistics, information, mean_entropy, soft_neighbourhood_density
from mmuda.registry import METRICS
from mmuda.structures import no_data_of_prediction
from mmuda.utils.errors import UserError
from mmuda.utils.seeds import mix_seed

CRITERIA = ('entropy', 'information_maximisation', 'soft_neighbourhood_density')
CHUNK = 65_536  # pixels in float64 at a time


@METRICS.register_module()
class LabelFreeMetric(BaseMetric):
    """Mean entropy, information maximisation and soft neighbourhood density of predictions.

    - ``entropy``: mean over pixels of the entropy, over log K; in [0, 1], lower is better.
    - ``information_maximisation``: entropy of the mean prediction minus the mean entropy (Krause et al., 2010; Shi and
      Sha, 2012), over log K; higher is better, and a model that predicts one class everywhere scores 0.
    - ``soft_neighbourhood_density``: see :func:`soft_neighbourhood_density`, on pixels drawn from every image; higher
      is better.

    Pixels without data are ignored.

    Logged during validation, they can select a checkpoint without labels: ``CheckpointHook(save_best=
    'soft_neighbourhood_density', rule='greater')``. To use it together with a metric that needs labels, list both in
    ``val_evaluator``.

    Args:
        criteria: Names of the criteria to compute.
        pixels: Pixels drawn from each image for the neighbourhoods, always the same ones.
        max_pixels: Maximum number in total; the cost grows with its square.
        temperature: Temperature of the neighbourhoods.

    Raises:
        UserError: If a criterion is unknown.
    """

    default_prefix = None

    def __init__(
        self,
        criteria: Sequence[str] = CRITERIA,
        pixels: int = 100,
        max_pixels: int = 10_000,
        temperature: float = 0.05,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        unknown = [name for name in criteria if name not in CRITERIA]
        if unknown:
            raise UserError(f'LabelFreeMetric does not know the criteria {unknown}; it knows {list(CRITERIA)}.')
        self.criteria = tuple(criteria)
        self.pixels = pixels
        self.max_pixels = max_pixels
        self.temperature = temperature

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Collect statistics of each image from ``seg_logits`` (K, H, W) of the prediction."""
        for sample in data_samples:
            logits = sample['seg_logits']['data'].float()
            if len(logits) < 2:
                raise UserError(
                    'LabelFreeMetric needs the logits of at least two classes; give the head num_classes=2 and '
                    'out_channels=2 for a foreground and its background.'
                )
            prob = logits.flatten(1).softmax(dim=0).T  # (pixels, K)
            missing = no_data_of_prediction(sample, logits.shape[1:])
            if missing is not None:
                prob = prob[~missing.flatten().to(prob.device)]
            if not len(prob):
                continue
            seed = mix_seed('label-free', str(sample.get('img_path')), str(sample.get('window')), len(prob))
            chosen = torch.randint(len(prob), (self.pixels,), generator=torch.Generator().manual_seed(seed))
            sums = sum(entropy_statistics(part).sum(dim=0) for part in prob.split(CHUNK))
            self.results.append(dict(sums=sums.cpu(), sampled=prob[chosen.to(prob.device)].cpu()))

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """The criteria over all images."""
        if not results:
            return dict.fromkeys(self.criteria, math.nan)
        sums = sum(result['sums'] for result in results)
        metrics = dict(entropy=mean_entropy(sums).item(), information_maximisation=information(sums).item())
        if 'soft_neighbourhood_density' in self.criteria:
            sampled = torch.cat([result['sampled'] for result in results])
            every = max(1, math.ceil(len(sampled) / self.max_pixels))
            metrics['soft_neighbourhood_density'] = soft_neighbourhood_density(sampled[::every], self.temperature)
        return {name: round(metrics[name], 6) for name in self.criteria}
