import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.registry import METRICS


def test_iou_of_each_class_is_over_all_pixels_of_the_set():
    metric = METRICS.build(dict(type='ClassIoUMetric', iou_metrics=['mIoU']))
    metric.dataset_meta = dict(classes=('ground', 'roof'))
    pairs = [([0, 0, 1, 1], [0, 1, 1, 255]), ([1, 1, 1, 0], [1, 1, 0, 0])]
    for prediction, truth in pairs:
        sample = SegDataSample()
        sample.pred_sem_seg = PixelData(data=torch.tensor([[prediction]]))
        sample.gt_sem_seg = PixelData(data=torch.tensor([[truth]]))
        metric.process({}, [sample.to_dict()])
    metrics = metric.compute_metrics(metric.results)
    # Of seven labelled pixels: ground 2 right, 1 predicted wrongly, 1 missed; roof 3 right, 1 and 1 likewise.
    assert metrics['IoU.ground'] == pytest.approx(100 * 2 / 4)
    assert metrics['IoU.roof'] == pytest.approx(100 * 3 / 5)
    assert metrics['mIoU'] == pytest.approx(55.0)
    assert metrics['aAcc'] == pytest.approx(100 * 5 / 7, abs=0.01)


def test_means_of_subsets_of_classes():
    metric = METRICS.build(dict(type='ClassIoUMetric', subsets=dict(mIoU2=['roof', 'road'])))
    metric.dataset_meta = dict(classes=('ground', 'roof', 'road'))
    sample = SegDataSample()
    sample.pred_sem_seg = PixelData(data=torch.tensor([[[0, 1, 1, 2, 2]]]))
    sample.gt_sem_seg = PixelData(data=torch.tensor([[[0, 1, 2, 2, 1]]]))
    metric.process({}, [sample.to_dict()])
    metrics = metric.compute_metrics(metric.results)
    assert metrics['mIoU2'] == pytest.approx(100 / 3, abs=0.01) and metrics['mIoU'] == pytest.approx(55.56, abs=0.01)
    metric.subsets = dict(wrong=['river'])
    with pytest.raises(ValueError, match=r"subsets\['wrong'\] names the classes \['river'\]; the dataset has"):
        metric.compute_metrics(metric.results)


@pytest.mark.parametrize('value', [2, 254, -1])
def test_labels_that_are_no_class_are_not_left_out_in_silence(value):
    metric = METRICS.build(dict(type='ClassIoUMetric'))
    metric.dataset_meta = dict(classes=('ground', 'roof'))
    sample = SegDataSample(metainfo=dict(seg_map_path='l/a.png'))
    sample.pred_sem_seg = PixelData(data=torch.tensor([[[0, 1, 1]]]))
    sample.gt_sem_seg = PixelData(data=torch.tensor([[[0, 255, value]]]))
    with pytest.raises(ValueError, match=rf'label l/a\.png holds {value} after loading, .* classes 0\.\.1 and 255'):
        metric.process({}, [sample.to_dict()])
