"""The configs of the alignment family: all there, buildable, without labels of the target, with a stated batch norm."""

import pytest
import torch
from mmengine.config import Config

from mmuda.apis import prepare
from mmuda.apis.counts import supervised_classes
from mmuda.models.wrappers import Stage
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
PAIRS = ('gta2cityscapes', 'synthia2cityscapes', 'mass2inria', 'inria2mass', 'massroads2deepglobe',
         'deepglobe2massroads', 'synthetic', 'nairobi2kampala')  # fmt: skip
CLASSES = dict(gta2cityscapes=19, synthia2cityscapes=16, synthetic=6)
# What each method's terms are, besides the supervised one.
TERMS = {
    'source_only/source_only': set(),
    'target_only/target_only': set(),
    'adaptsegnet/adaptsegnet_single': {'output'},
    'adaptsegnet/adaptsegnet': {'output', 'output_aux'},
    'advent/advent': {'output', 'output_aux'},
    'minent/minent': {'entropy', 'entropy_aux'},
    'maxsquare/maxsquare': {'max_square'},
    'clan/clan': {'output', 'different'},
    'fcan/fcan': {'feature'},
    'pfr/pfr': {'output', 'refinement'},
    'isia_aim/isia': {'output', 'category'},
    'isia_aim/aim': {'output', 'instance'},
    'isia_aim/isia_aim': {'output', 'category', 'instance'},
    'isia_aim/isia_aim_retrain': {'output', 'category', 'instance', 'pseudo'},
    'self_training/self_training': {'target', 'pseudo'},
}
# The others differ from these in their datasets alone; building 120 models would take a minute.
BUILT = ('gta2cityscapes', 'synthia2cityscapes', 'mass2inria', 'synthetic')
SMALL_PAIRS = PAIRS[-2:]  # one classifier only, so single-level


def file_of(method, pair):
    """The config of a method and a pair on the segmentor that the pair's table is about."""
    folder, _, name = method.rpartition('/')
    street = 'deeplabv2-r101' if pair.endswith('cityscapes') else 'deeplabv3plus-r101'
    models = ('deeplabv3plus-mv2',) if pair in SMALL_PAIRS else (street, 'pspnet-r101')  # FCAN has its own classifier
    found = [path for model in models if (path := CONFIGS / folder / f'{name}_{model}_{pair}.py').is_file()]
    assert len(found) == 1, (method, pair, found)
    return found[0]


def build(cfg):
    with torch.device('meta'):
        return MODELS.build(prepare(cfg).model)


@pytest.mark.parametrize('method', TERMS)
def test_every_method_has_a_buildable_config_for_every_pair(method):
    for pair in PAIRS:
        cfg = Config.fromfile(file_of(method, pair))
        streams = cfg.train_dataloader.dataset
        assert streams.target.labelled is False and streams.source.get('labelled', True)
        assert cfg.model.batch_norm  # a stated choice
        assert len(supervised_classes(cfg)) == CLASSES.get(pair, 2), (method, pair)
        names = {name for name, own in cfg.optim_wrapper.items() if isinstance(own, dict)}
        assert names == set(cfg.param_scheduler), (method, pair)
        if pair not in BUILT:
            continue
        model = build(cfg)
        single = {'output_aux', 'entropy_aux'} if pair in SMALL_PAIRS and not method.endswith('adaptsegnet') else set()
        assert set(model.terms) - {'supervised'} == TERMS[method] - single, (method, pair)
        for term in model.terms.values():
            discriminator = getattr(term, 'discriminator', None)
            if discriminator is not None and method != 'fcan/fcan':
                assert discriminator.in_channels == CLASSES.get(pair, 2), (method, pair)


@pytest.mark.parametrize('pair', PAIRS)
def test_retraining_keeps_every_term_of_the_initial_training(pair):
    """Equation 13 is equation 12 plus the cross entropy on pseudo labels; its discriminator is trained on."""
    cfg = Config.fromfile(file_of('isia_aim/isia_aim_retrain', pair))
    model = build(cfg)
    initial, retrain = (Stage.from_cfg(stage) for stage in cfg.train_cfg.stages)
    assert set(model.active_terms(initial)) == {'supervised', 'output', 'category', 'instance'}
    assert set(model.active_terms(retrain)) == {'supervised', 'output', 'category', 'instance', 'pseudo'}
    assert retrain.plan is None and retrain.trainable is None
    assert all(model.terms[name].loss_weight > 0 and retrain.weights.get(name, 1) == 1 for name in model.terms)


def test_no_checkpoint_is_chosen_by_labels_of_the_target():
    """Low2High has no target: it is chosen by its own coarse labels, but for the upper bound, which has fine ones."""
    found = {path for path in CONFIGS.glob('**/*.py') if 'save_best=' in path.read_text(encoding='utf-8')}
    assert {path.parent.name for path in found} == {'low2high'}
    for path in found:
        chosen_by = Config.fromfile(path).default_hooks.checkpoint.save_best
        assert chosen_by == ('mIoU' if path.name.startswith('high_') else 'cell/mIoU')


def test_deeplab_v2_is_that_of_the_papers():
    cfg = Config.fromfile(CONFIGS / 'adaptsegnet' / 'adaptsegnet_deeplabv2-r101_gta2cityscapes.py')
    model = build(cfg)
    classifiers = model.segmentor.decode_head.classifiers, model.segmentor.auxiliary_head.classifiers
    assert [len(c[0].branches) for c in classifiers] == [4, 4]
    assert sum(p.numel() for p in model.terms['output'].discriminator.parameters()) == 2_781_121
    # ResNet-101 without classifier, affine parameters of norms frozen.
    backbone = model.segmentor.backbone
    assert sum(p.numel() for p in backbone.parameters()) == 42_500_160
    assert not any(p.requires_grad for name, p in backbone.named_parameters() if 'bn' in name or 'downsample.1' in name)
    for x in (cfg.optim_wrapper.segmentor, cfg.optim_wrapper.discriminator):
        assert x.optimizer.lr in (2.5e-4, 1e-4)
    assert cfg.optim_wrapper.segmentor.paramwise_cfg.custom_keys['head'].lr_mult == 10


@pytest.mark.parametrize('name', ['isia_aim/isia_aim_deeplabv3plus-r101_mass2inria', 'fcan/fcan_pspnet-r101_inria2mass',
                                  'clan/clan_deeplabv2-r101_gta2cityscapes',
                                  'adaptsegnet/adaptsegnet_deeplabv3plus-r101_massroads2deepglobe'])  # fmt: skip
def test_heads_train_with_the_configs_batch(name):
    """Torch refuses batch norm of one value a channel: a head that pools needs another norm, or larger batches."""
    cfg = prepare(Config.fromfile(CONFIGS / f'{name}.py'))
    batch = cfg.train_dataloader.batch_size
    features = tuple(torch.randn(batch, channels, 4, 4) for channels in (256, 512, 1024, 2048))
    for head in (cfg.model.segmentor.decode_head, cfg.model.segmentor.get('auxiliary_head')):
        if head is not None:
            assert MODELS.build(head).train()(features).shape[:2] == (batch, CLASSES.get(name.rpartition('_')[2], 2))
