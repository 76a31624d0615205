"""A model card of a tiny segmentor, and checkpoints that carry it."""

import copy
import json

import torch

from mmuda.checkpoints.card import CARD, card_text
from mmuda.registry import MODELS
from mmuda.utils.setup_env import register_all_modules

NORM = dict(type='BN')
SEGMENTOR = dict(
    type='EncoderDecoder',
    backbone=dict(type='ResNet', depth=18, num_stages=1, strides=[1], dilations=[1], out_indices=[0], base_channels=4,
                  norm_cfg=NORM),
    decode_head=dict(type='FCNHead', in_channels=4, in_index=0, channels=4, num_convs=1, concat_input=False,
                     num_classes=3, out_channels=3, norm_cfg=NORM, align_corners=False),
    test_cfg=dict(mode='whole'),
)  # fmt: skip
SUPER_RESOLUTION = dict(
    type='SuperResolutionSegmentor',
    backbone=dict(type='ResidualASPP', base_channels=4),
    sr_head=dict(type='SuperResolutionHead', base_channels=4),
    decode_head=dict(type='PyramidFusionHead', base_channels=4, num_classes=3, out_channels=3),
)
HRDA_SEGMENTOR = dict(
    SEGMENTOR,
    type='HRDA',
    attention_head=dict(SEGMENTOR['decode_head'], channels=2),
    test_cfg=dict(mode='slide', crop_size=[64, 64], stride=[32, 32]),
)
EXAMPLE = dict(
    schema=1,
    name='tiny',
    classes=['ground', 'low vegetation', 'roof'],
    palette=[[0, 0, 0], [0, 255, 0], [255, 0, 0]],
    input=dict(bands=[3, 2, 1], band_names=['red', 'green', 'blue'], value_range=[200.0, 2200.0],
               mean=[100.0, 90.0, 80.0], std=[50.0, 40.0, 30.0], reversed=False, domain='target', gsd=0.5,
               raster_gsd=0.25, tile=512),
    pipeline=[dict(type='LoadRasterWindow'), dict(type='ResampleToGSD', gsd=0.5), dict(type='PackUDAInputs')],
    segmentor=SEGMENTOR,
    preprocessor=dict(type='UDADataPreprocessor', mean=[1.0, 1.0, 1.0], std=[9.0, 9.0, 9.0],
                      streams=dict(target=dict(mean=[100.0, 90.0, 80.0], std=[50.0, 40.0, 30.0]))),
    adapter=None,
    predicts_with='segmentor',
    incomplete=None,
    plugins=[],
    versions=dict(torch='2.13.0'),
    data=dict(source='RasterDataset city_a', target='RasterDataset city_b'),
    method=dict(terms=dict(output='AdversarialAlignment'), views={}, stages=['adapt']),
    iteration=10,
    validation=None,
    selection='the last iteration so far',
    adapted=None,
)  # fmt: skip


def example(**changes) -> dict:
    """A copy of the card; ``input__gsd=1`` changes an entry of an entry."""
    card = copy.deepcopy(EXAMPLE)
    for key, value in changes.items():
        owner, (*parents, last) = card, key.split('__')
        for parent in parents:
            owner = owner[parent]
        owner[last] = value
    return card


def build(segmentor=SEGMENTOR):
    """The segmentor with fixed random weights and statistics."""
    register_all_modules()
    torch.manual_seed(0)
    network = MODELS.build(copy.deepcopy(segmentor)).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    if hasattr(network.decode_head, 'conv_seg'):  # so that the classes differ from pixel to pixel, and all occur
        classifier = network.decode_head.conv_seg
        torch.nn.init.normal_(classifier.weight)
        with torch.no_grad():
            classifier.bias -= network(torch.randn(1, 3, 64, 64)).mean((0, 2, 3))
    return network


def write_with(path, card, network=None):
    """A checkpoint with a card that nothing has checked; a text is taken as it is, None leaves it out."""
    state = {f'segmentor.{key}': value for key, value in (network or build()).state_dict().items()}
    meta = {} if card is None else {CARD: card if isinstance(card, str) else json.dumps(card)}
    torch.save(dict(state_dict=state, meta=meta), path)
    return path


def written(path, network=None, **changes):
    """A checkpoint with a good card."""
    return write_with(path, card_text(example(**changes)), network)
