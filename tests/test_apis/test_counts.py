"""Numbers of classes and channels follow from the data, and are refused where they are given and wrong."""

import copy

import pytest
import torch
from torch import nn

from mmuda.apis import UserError, load_config, prepare
from mmuda.apis.counts import build_on_meta, supervised_classes
from mmuda.models.terms import AdversarialAlignment, Term
from mmuda.models.uncounted import channels_in, heads_in
from mmuda.registry import MODELS, TERMS
from tests.helpers import CONFIGS

# Classes, and channels by place below model, as the papers and their code have them; no config states them.
COUNTED = {
    'adaptsegnet/adaptsegnet_deeplabv2-r101_gta2cityscapes': (
        19, {'terms.output.discriminator': 19, 'terms.output_aux.discriminator': 19},
    ),
    'adaptsegnet/adaptsegnet_single_segformer-b2_gta2cityscapes': (19, {'terms.output.discriminator': 19}),
    'minent/minent_deeplabv3plus-effl0_synthetic': (6, {}),
    'clan/clan_deeplabv3plus-effl0_synthetic': (6, {'terms.output.discriminator': 6}),
    'srda/srda_resaspp_mass2inria': (2, {'terms.output.discriminator': 2, 'terms.pixel.discriminator': 3}),
    'srda/noadapt_resaspp_vaih2pots': (6, {}),
    'dann/dann_deeplabv3plus-mv2_hannover2vaihingen': (6, {'terms.feature.discriminator': 256}),
    'isia_aim/isia_aim_retrain_deeplabv3plus-r101_mass2inria': (
        2, {'terms.output.discriminator': 2, 'terms.instance': 2048},
    ),
    'cyclegan/cyclegan_resnet_nairobi2kampala': (None, {'discriminator': 3}),
    'low2high/low2high_unet-r18_chesapeake': (4, {'terms.maps.discriminator': 1}),
    'fcan/fcan_pspnet-r101_mass2inria': (2, {'terms.feature.discriminator': 2048}),
}  # fmt: skip


def strip(cfg):
    """A copy without numbers of classes and channels; how many there were."""
    cfg, count = copy.deepcopy(cfg), 0
    for head in heads_in(cfg.model).values():
        count += sum(head.pop(key, None) is not None for key in ('num_classes', 'out_channels'))
    for found in channels_in(cfg.model).values():
        count += found.owner.pop(found.argument, None) is not None
    return cfg, count


@pytest.mark.parametrize('name', COUNTED)
def test_what_configs_leave_out_is_counted(name):
    cfg = load_config(CONFIGS / f'{name}.py')
    stripped, stated = strip(cfg)
    assert stated == 0
    if 'segmentor' in cfg.model:
        with pytest.raises(UserError, match=r'not given; mmuda\.apis\.prepare\(cfg\)'):
            MODELS.build(copy.deepcopy(stripped.model))
    model = prepare(cfg).model
    classes, channels = COUNTED[name]
    heads = heads_in(model)
    assert all(head.num_classes == head.get('out_channels', classes) == classes for head in heads.values())
    assert bool(heads) == (classes is not None)
    found = {place: one.owner[one.argument] for place, one in channels_in(model).items()}
    places = {place.removeprefix('model.').rpartition('.')[0]: count for place, count in found.items()}
    assert places == channels


def test_a_model_of_an_unprepared_config_says_who_fills_it(tiny):
    cfg, _ = strip(tiny())
    with pytest.raises(UserError) as error:
        MODELS.build(cfg.model)
    text = str(error.value)
    assert 'model.segmentor.decode_head.num_classes, model.terms.output.discriminator.in_channels: not given' in text
    assert 'mmuda.apis.prepare(cfg)' in text and '\n' not in text
    MODELS.build(prepare(cfg).model)


def test_the_classes_are_those_of_the_stream_that_supervises(tiny):
    def dataset(*classes):
        return dict(type='BaseSegDataset', metainfo=dict(classes=classes))

    cfg = tiny()
    streams = dict(source=dataset('a', 'b'), exemplar=dataset('a', 'b', 'c'))
    cfg.train_dataloader.dataset = dict(type='UDADataset', **streams)
    assert supervised_classes(cfg) == ('a', 'b')
    cfg.model.terms.supervised = dict(type='SupervisedTerm', view='exemplar')
    assert supervised_classes(cfg) == ('a', 'b', 'c')
    cfg.model.terms = dict(cells=dict(type='RegionAggregation', view='exemplar'))
    assert supervised_classes(cfg) == ('a', 'b', 'c')
    cfg.model.terms.cells.view = 'a_view_of_the_source'
    assert supervised_classes(cfg) == ('a', 'b')
    cfg.train_dataloader = None
    cfg.test_dataloader = dict(dataset=dataset('a', 'b', 'c', 'd'))
    assert len(supervised_classes(cfg)) == 4
    cfg.val_dataloader = dict(dataset=dict(type='PatchSet', dataset=dict(type='SyntheticDataset', num_classes=6)))
    assert len(supervised_classes(cfg)) == 6
    cfg.val_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=dict(type='CityscapesDataset'))
    assert len(supervised_classes(cfg)) == 19


def test_data_that_name_no_classes_are_told(tiny):
    cfg, _ = strip(tiny())
    cfg.train_dataloader.dataset.source = dict(type='BaseSegDataset')
    with pytest.raises(UserError, match=r'decode_head of config .*num_classes is not given.*metainfo=dict\(classes='):
        prepare(cfg)


def test_one_channel_with_a_sigmoid_stays_one(tiny):
    cfg = tiny()
    head = cfg.model.segmentor.decode_head
    head.update(out_channels=1, loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True), num_classes=None)
    cfg.model.terms = None
    head = prepare(cfg).model.segmentor.decode_head
    assert (head.num_classes, head.out_channels) == (2, 1)


def with_term(tiny, tap='prob', **term):
    cfg = tiny()
    cfg.model.terms.output.update(dict(source=f'source:{tap}', target=f'target:{tap}') | term)
    return cfg


@pytest.mark.parametrize(
    ('term', 'says'),
    [
        (dict(discriminator=dict(in_channels=3)), r"the tap 'source:prob' .* 2 channels; set in_channels=2"),
        (dict(tap='features.0'), r"the tap 'source:features.0' .* 4 channels; set in_channels=4"),
        (dict(tap='image'), r"the tap 'source:image' .* 3 channels; set in_channels=3"),
        (dict(tap='module.backbone.layer1'), r'.*set in_channels=4'),
        (dict(target='target:features.0', moves='source'), r"the tap 'target:features.0' .*set in_channels=4"),
    ],
)  # fmt: skip
def test_channels_that_do_not_fit_are_told_with_the_right_number(tiny, term, says):
    with pytest.raises(UserError, match=r'model.terms.output.discriminator.in_channels=\d does not fit ' + says):
        prepare(with_term(tiny, **term))


def test_the_channels_of_images_are_those_of_their_statistics_or_bands(tiny):
    cfg, _ = strip(with_term(tiny, tap='image'))
    cfg.model.segmentor.backbone.in_channels = 4
    cfg.model.data_preprocessor.update(mean=[0, 0, 0, 0], std=[1, 1, 1, 1])
    assert prepare(cfg).model.terms.output.discriminator.in_channels == 4
    cfg.model.data_preprocessor = dict(type='UDADataPreprocessor')
    for stream in ('source', 'target'):
        cfg.train_dataloader.dataset[stream] = dict(type='SyntheticDataset', bands=(1, 2, 3, 1, 2))
    assert prepare(cfg).model.terms.output.discriminator.in_channels == 5


def test_what_cannot_be_counted_is_asked_for_with_the_reason(tiny):
    cfg, _ = strip(tiny())
    cfg.model.segmentor.decode_head.in_channels = 9
    with pytest.raises(UserError, match=r"in_channels is not given, .*'source:prob' cannot be counted \(.*"):
        prepare(cfg)


def test_label_maps_have_one_channel(tiny):
    term = dict(type='LabelMapAlignment', loss=dict(type='GANLoss', gan_type='hinge'))
    cfg = tiny()
    cfg.model.terms = dict(maps=dict(term, discriminator=dict(type='FCDiscriminator', base_channels=2)))
    assert prepare(cfg).model.terms.maps.discriminator.in_channels == 1
    cfg.model.terms.maps.discriminator.in_channels = 2
    with pytest.raises(UserError, match='does not fit what it reads, which has 1 channels'):
        prepare(cfg)


@TERMS.register_module()
class CountedTerm(Term):
    @classmethod
    def channels_from(cls, cfg):
        return {'width': 'source:features.0'}

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, 1)

    def reads(self, phase):
        return {'source:features.0'}


@TERMS.register_module()
class JoinedAlignment(AdversarialAlignment):
    def read(self, domain, context):
        tap = super().read(domain, context)
        return torch.cat([tap, tap], dim=1)


def test_terms_of_others_are_counted_too(tiny):
    cfg = tiny()
    cfg.model.terms.counted = dict(type='CountedTerm')
    assert prepare(cfg).model.terms.counted.width == 4
    # What makes something else of its taps is not judged by them.
    cfg = with_term(tiny, type='JoinedAlignment', discriminator=dict(in_channels=4))
    assert prepare(cfg).model.terms.output.discriminator.in_channels == 4


def test_a_pretrained_checkpoint_is_not_looked_for(tiny):
    cfg, _ = strip(tiny())
    cfg.model.segmentor.backbone.init_cfg = dict(type='Pretrained', checkpoint='nowhere.pth')
    model = build_on_meta(prepare(cfg).model)
    assert {tensor.device.type for tensor in (*model.parameters(), *model.buffers())} == {'meta'}
