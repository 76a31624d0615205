"""The configs of the alignment family: all there, buildable, without labels of the target, with a stated batch norm."""

import pytest
import torch

from mmuda.apis import load_config, prepare
from mmuda.apis.counts import supervised_classes
from mmuda.apis.new_config import new_config
from mmuda.models.wrappers import Stage
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules
from tests.helpers import CONFIGS

register_all_modules()
# What each method's terms are, besides the supervised one.
TERMS = {
    'source_only': set(),
    'adabn_online': {'target'},
    'adaptsegnet_single': {'output'},
    'adaptsegnet': {'output', 'output_aux'},
    'advent': {'output', 'output_aux'},
    'minent': {'entropy', 'entropy_aux'},
    'maxsquare': {'max_square'},
    'mmd': {'mmd'},
    'clan': {'output', 'different'},
    'fcan': {'feature'},
    'pfr': {'output', 'refinement'},
    'isia': {'output', 'category'},
    'aim': {'output', 'instance'},
    'isia_aim': {'output', 'category', 'instance'},
    'self_training': {'target', 'pseudo'},
    'dann': {'feature'},
}
SINGLE = {'advent': {'output'}, 'minent': {'entropy'}}  # the narrow networks have one classifier
CLASSES = dict(gta2cityscapes=19, synthia2cityscapes=16, synthetic=6, mass2inria=2)


def build(cfg):
    with torch.device('meta'):
        return MODELS.build(prepare(cfg).model)


@pytest.mark.parametrize('data', CLASSES)
@pytest.mark.parametrize('method', TERMS)
def test_a_method_has_its_terms_and_reads_no_labels_of_the_target(method, data, tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(new_config(method, data).replace("'../_base_", f"'{CONFIGS}/_base_"))
    cfg = load_config(path)
    streams = cfg.train_dataloader.dataset
    target = streams.target.get('dataset', streams.target)
    assert target.labelled is False and streams.source.get('labelled', True)
    assert cfg.model.batch_norm  # a stated choice
    assert len(supervised_classes(cfg)) == CLASSES[data]
    terms = {name for name, term in cfg.model.get('terms', {}).items() if term} - {'supervised'}
    assert terms == (SINGLE.get(method, TERMS[method]) if data == 'synthetic' else TERMS[method])


@pytest.mark.parametrize(
    'name', ['deeplabv3plus-r101_mass2inria', 'deeplabv3plus-effl0_synthetic', 'deeplabv3plus-effl0_nairobi2kampala']
)
def test_retraining_keeps_every_term_of_the_initial_training(name):
    """Equation 13 is equation 12 plus the cross entropy on pseudo labels; its discriminator is trained on."""
    cfg = load_config(CONFIGS / f'isia_aim/isia_aim_retrain_{name}.py')
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
        chosen_by = load_config(path).default_hooks.checkpoint.save_best
        assert chosen_by == ('mIoU' if path.name.startswith('high_') else 'cell/mIoU')


def test_deeplab_v2_is_that_of_the_papers():
    cfg = load_config(CONFIGS / 'adaptsegnet' / 'adaptsegnet_deeplabv2-r101_gta2cityscapes.py')
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


@pytest.mark.parametrize('name', ['isia_aim/isia_aim_deeplabv3plus-r101_mass2inria', 'fcan/fcan_pspnet-r101_mass2inria',
                                  'clan/clan_deeplabv2-r101_gta2cityscapes',
                                  'adaptsegnet/adaptsegnet_deeplabv2-r101_gta2cityscapes'])  # fmt: skip
def test_heads_train_with_the_configs_batch(name):
    """Torch refuses batch norm of one value a channel: a head that pools needs another norm, or larger batches."""
    cfg = prepare(load_config(CONFIGS / f'{name}.py'))
    batch = cfg.train_dataloader.batch_size
    features = tuple(torch.randn(batch, channels, 4, 4) for channels in (256, 512, 1024, 2048))
    for head in (cfg.model.segmentor.decode_head, cfg.model.segmentor.get('auxiliary_head')):
        if head is not None:
            assert MODELS.build(head).train()(features).shape[:2] == (batch, CLASSES.get(name.rpartition('_')[2], 2))
