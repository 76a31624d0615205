"""mmseg's IoU metric with the classes' own values."""

from __future__ import annotations

from mmseg.evaluation import IoUMetric

from mmuda.registry import METRICS


@METRICS.register_module()
class ClassIoUMetric(IoUMetric):
    """mmseg's ``IoUMetric`` that also returns ``IoU.<class>`` (percent), for logs and ``summary.json``.

    mmseg computes them, prints them and drops them. Arguments are mmseg's.
    """

    def compute_metrics(self, results: list) -> dict[str, float]:
        """mIoU, aAcc, mAcc and IoU of each class, in percent, over all pixels of the set."""
        metrics = dict(super().compute_metrics(results))
        if self.format_only:
            return metrics
        areas = [sum(column) for column in zip(*results, strict=True)]
        by_class = self.total_area_to_metrics(*areas, self.metrics, self.nan_to_num, self.beta)
        for name, iou in zip(self.dataset_meta['classes'], by_class['IoU'], strict=True):
            metrics[f'IoU.{name}'] = round(float(iou) * 100, 2)
        return metrics
