"""What a new dataset and a new method cost: a class and a base each, and they go with everything that is there."""

import sys

import pytest

from mmuda.apis import load_config, prepare, train
from mmuda.apis.recipes import METHODS, MODELS, SEGMENTORS
from mmuda.synthetic import generate
from tests.helpers import CONFIGS
from tests.helpers.on_meta import check_on_meta, forward_once  # noqa: F401  (a fixture)

DATASET = '''
from mmuda.datasets.public.benchmark import Benchmark
from mmuda.registry import DATASETS


@DATASETS.register_module()
class TwoTowns(Benchmark):
    """Two towns, one of them with labels."""

    METAINFO = dict(
        classes=('impervious_surface', 'building', 'low_vegetation', 'tree', 'car', 'clutter'),
        palette=[[255, 255, 255], [0, 0, 255], [0, 255, 255], [0, 255, 0], [255, 255, 0], [255, 0, 0]],
    )
    SPLITS = ('train', 'val')
    ROOT = 'data/two_towns'
    FOLDERS = dict(img_path='{split}', seg_map_path='{split}')
    SUFFIXES, LABEL_SUFFIXES = '_image.tif', '_label6.tif'
'''
DATA_BASE = """
# Two towns; both are seen at 1.0 m.
custom_imports = dict(imports=['two_towns', 'mean_entropy'])
load, flip, pack = dict(type='LoadRasterWindow'), dict(type='RandomFlipAll'), dict(type='PackUDAInputs')
crop, resample = dict(type='RandomGroundCrop', extent=64.0), dict(type='ResampleToGSD', gsd=1.0, label=True)
source_pipeline = target_pipeline = [crop, load, resample, flip, pack]
source = dict(type='TwoTowns', data_root='{root}/source', split='train')
target = dict(type='TwoTowns', data_root='{root}/target', split='train', labelled=False)
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        type='UDADataset',
        source=dict(source, pipeline=source_pipeline),
        target=dict(target, pipeline=target_pipeline),
    ),
)
test_pipeline = [load, dict(type='ResampleToGSD', gsd=1.0), pack]
val_dataloader = dict(dataset=dict(type='TwoTowns', data_root='{root}/target', split='val', pipeline=test_pipeline))
"""
FEW = (
    'few = dict(_base_.target, labelled=True, pipeline=_base_.target_pipeline)',
    'train_dataloader = dict(dataset=dict(labelled_target=few))',
)
TERM = '''
from mmuda.models.terms import Term
from mmuda.registry import TERMS


@TERMS.register_module()
class MeanEntropy(Term):
    """Entropy of the target's predictions."""

    def __init__(self, tap: str = 'target:prob', loss_weight: float = 0.01) -> None:
        super().__init__()
        self.tap, self.loss_weight = tap, loss_weight

    def reads(self, phase):
        return {self.tap}

    def losses(self, phase, context):
        prob = context.tap(self.tap)
        return {'loss': -self.loss_weight * (prob * prob.clamp_min(1e-12).log()).sum(dim=1).mean()}
'''
METHOD_BASE = """
# The mean entropy alone.
method = dict(terms=dict(entropy=dict(type='MeanEntropy')))
"""
SMALL = dict(source=dict(train=(1, 128), val=(1, 128)), target=dict(train=(1, 320), val=(1, 320)))
GENERAL = sorted({(recipe.narrow or recipe.base) for recipe in METHODS.values() if recipe.models is None})


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder with a new dataset, its imagery, a new term and the bases of both."""
    folder = tmp_path_factory.mktemp('theirs')
    generate(folder / 'imagery', scenes=SMALL)
    for name, text in dict(two_towns=DATASET, mean_entropy=TERM, data=DATA_BASE, method=METHOD_BASE).items():
        (folder / f'{name}.py').write_text(text.replace('{root}', str(folder / 'imagery')).lstrip())
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in ('two_towns', 'mean_entropy'):
        sys.modules.pop(name, None)


def written(folder, name, method, model, schedule, more=()):
    """A config of bases alone; ``method`` is a path."""
    base = CONFIGS / '_base_'
    bases = [base / f'models/{model}.py', method, folder / 'data.py', base / f'schedules/{schedule}.py']
    path = folder / f'{name}.py'
    lines = [f'_base_ = {[str(one) for one in [*bases, base / "default_runtime.py"]]}', 'model = _base_.method', *more]
    path.write_text('\n'.join(lines))
    return path


def test_they_are_short():
    assert len(DATASET.strip().splitlines()) < 25


def recipe_of(method):
    return next(one for one in METHODS.values() if method in (one.narrow, one.base))


def model_of(recipe):
    if recipe.needs == 'summed':
        return 'deeplabv3plus-effl0_summed'
    return 'deeplabv3plus-effl0_multi' if recipe.needs == 'auxiliary' else 'deeplabv3plus-effl0'


@pytest.mark.parametrize('method', GENERAL)
def test_the_new_dataset_goes_with_every_method(folder, method, forward_once):  # noqa: F811
    recipe, base = recipe_of(method), CONFIGS / f'_base_/methods/{method}.py'
    lines = [*recipe.lines, *(FEW if recipe.streams == 'few' else ())]
    check_on_meta(written(folder, method, base, model_of(recipe), recipe.short, lines))


@pytest.mark.parametrize('model', SEGMENTORS)
def test_the_new_method_goes_with_every_model(folder, model, forward_once):  # noqa: F811
    schedule = 'short' if MODELS[model].is_narrow else 'sgd_250k'
    check_on_meta(written(folder, f'new_{model}', folder / 'method.py', model, schedule))


def test_the_new_method_trains_on_the_new_dataset(folder, tmp_path):
    cfg = load_config(written(folder, 'both', folder / 'method.py', 'noadapt_resaspp_narrow', 'short'))
    assert prepare(cfg).model.segmentor.decode_head.num_classes == 6
    cfg.merge_from_dict({'train_cfg.stages': [dict(name='train', iters=2)], 'default_hooks.logger.interval': 1})
    runner = train(cfg, tmp_path / 'run')
    log = runner.message_hub.log_scalars
    assert {'train/entropy.loss', 'train/supervised.decode.loss_ce', 'val/mIoU'} <= set(log)
