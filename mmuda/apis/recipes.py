"""The bases of each method, model and dataset, and their requirements on each other."""

from __future__ import annotations

from dataclasses import dataclass

TILES = "tile=512, last_tile='shift'"


@dataclass(frozen=True)
class Method:
    """A method's bases in ``configs/_base_`` for full and narrow networks, and its requirements.

    Attributes:
        base: Base of the method; None for supervised training of a segmentor by itself.
        schedule: Base of the schedule.
        narrow: Base of the method for narrow networks; ``base`` if None.
        short: Base of the schedule for narrow networks.
        models: Supported models, the default first; None for any segmentor of mmseg's kind.
        narrow_model: Default among narrow networks; None for the dataset's.
        full_model: Default among full-size networks; None for the dataset's.
        view: View of the data used in training, e.g. ``'super_resolution'``; ``'augmented'`` is one of the source. Data
            without ``'patches'``, ``'crops'`` or ``'large_crops'`` give their usual view for it.
        needs: Requirements on the segmentor: ``'auxiliary'``, ``'summed'`` or ``'bottleneck'``; or on the data:
            ``'rasters'``, streams of whole rasters, or ``'one_size'``, crops of one size from both domains.
        rare: Networks with which the source is drawn by class, rare ones more often: ``'all'`` or ``'full'``.
        streams: ``'target'`` for a training without the source, ``'few'`` for one with a few labelled target tiles.
        model: The line of a config that sets its model.
        lines: Further lines of a config.
        without: Terms to leave out.
    """

    base: str | None
    schedule: str
    narrow: str | None = None
    short: str | None = None
    models: tuple[str, ...] | None = None
    narrow_model: str | None = None
    full_model: str | None = None
    view: str | None = None
    needs: str | None = None
    rare: str | None = None
    streams: str | None = None
    model: str = 'model = _base_.method'
    lines: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """Properties of a segmentor's base.

    Attributes:
        is_narrow: Whether it is made for two cores; it then uses the narrow bases of methods and schedules.
        own_batch_norm: Whether each domain is normalised by its own statistics.
        auxiliary: Channels of the stage before the last; None if a base ``<name>_multi.py`` has the classifier.
        bottleneck: Whether its head has the bottleneck that DANN aligns.
        summed: Whether a base ``<name>_summed.py`` has two classifiers.
        lines: Config lines that its optimiser needs.
        optimizer: Changes to ``optim_wrapper`` by these lines.
        window: Side in pixels of the windows in which it predicts, if it needs windows of the training crops' size.
    """

    is_narrow: bool = False
    own_batch_norm: bool = True
    auxiliary: int | None = None
    bottleneck: bool = False
    summed: bool = False
    lines: tuple[str, ...] = ()
    optimizer: str | None = None
    window: int | None = None


@dataclass(frozen=True)
class Data:
    """Properties of a dataset's base.

    Attributes:
        model: Default model.
        things: Classes whose regions are instances, as config text; None for those of the method's base.
        views: Views of the base, in addition to the usual one.
        one_size: The line that gives both domains the same size, if they differ.
        scales: Whether it has the random scales of CLAN's code.
        own_base: Whether it has a base of its name; else patches of two cities are its only view.
        few: Arguments that choose a few target tiles, as config text.
        crop: Side of the usual training crops in pixels, of both domains; None if they differ.
        rare: Arguments of the sampling by class, as config text; None for patches, which are drawn as they are.
    """

    model: str
    things: str | None = None
    views: tuple[str, ...] = ()
    one_size: str | None = None
    scales: bool = False
    own_base: bool = True
    few: str = f'{TILES}, indices=[*range(0, 80, 10)]'
    crop: int | None = 512
    rare: str | None = 'temperature=0.01'


SRDA = ('srda_resaspp', 'srda_resaspp_narrow')
NOADAPT = ('noadapt_resaspp', 'noadapt_resaspp_narrow')
CYCLEGAN = ('cyclegan', 'cyclegan_narrow')
HRDA = ('hrda_daformer-mitb5', 'hrda_deeplabv3plus-effl0')
MITB5 = 'daformer-mitb5'
# Their batch norm can be trained.
BATCH_NORM = ('deeplabv3plus-r101', 'deeplabv3plus-effl0', 'deeplabv3plus-mv2', 'deeplabv3plus-mv2-d8', 'fcn-hr48')
ADAPT = "adaptation_steps = ['batch_norm', 'class_shares']  # after training; the better model is chosen without labels"
STAGES = 'train_cfg = dict(stages=_base_.stages)'
# DACS and its successors.
MIXING = dict(schedule='daformer_40k', short='short', view='crops', needs='one_size')
METHODS = {
    'source_only': Method('source_only', 'sgd_250k', short='short'),
    'source_only_augmented': Method('source_only', 'sgd_250k', short='short', view='augmented'),
    'recommended': Method('source_only', 'sgd_250k', short='short', view='augmented', lines=(ADAPT,)),
    'target_only': Method('source_only', 'sgd_250k', short='short', view='on_target'),
    'histogram': Method('source_only', 'sgd_250k', short='short', view='histogram'),
    'adabn_online': Method('adabn', 'sgd_250k', short='short'),
    'adaptsegnet_single': Method(
        'adaptsegnet_single', 'adversarial_250k', 'adaptsegnet_single_narrow', 'short_adversarial'
    ),
    'adaptsegnet': Method(
        'adaptsegnet', 'adversarial_250k', 'adaptsegnet_narrow', 'short_adversarial', needs='auxiliary'
    ),
    'advent': Method('advent', 'adversarial_250k', 'advent_narrow', 'short_adversarial', needs='auxiliary'),
    'minent': Method('minent', 'sgd_250k', 'minent_narrow', 'short', needs='auxiliary'),
    'maxsquare': Method('maxsquare', 'sgd_250k', short='short'),
    'mmd': Method('mmd', 'sgd_250k', short='short'),
    'clan': Method('clan', 'clan_100k', 'clan_narrow', 'short_adversarial', needs='summed'),
    'fcan': Method('fcan', 'adversarial_250k', 'fcan_narrow', 'short_adversarial'),
    'pfr': Method('pfr', 'adversarial_250k', 'pfr_narrow', 'short_adversarial'),
    'isia_aim': Method('isia_aim', 'isia_aim_40k', 'isia_aim_narrow', 'short_adversarial'),
    'isia': Method('isia_aim', 'isia_aim_40k', 'isia_aim_narrow', 'short_adversarial', without=('instance',)),
    'aim': Method('isia_aim', 'isia_aim_40k', 'isia_aim_narrow', 'short_adversarial', without=('category',)),
    'self_training': Method(
        'self_training', 'sgd_250k', 'self_training_narrow', 'short', needs='rasters', lines=(STAGES,)
    ),
    'dann': Method(
        'dann',
        'dann_20k',
        'dann_narrow',
        'dann_short',
        narrow_model='deeplabv3plus-mv2',
        view='patches',
        needs='bottleneck',
    ),
    'dacs': Method('dacs', **MIXING),
    'daformer': Method('daformer', narrow='daformer_narrow', full_model=MITB5, rare='all', **MIXING),
    'mic': Method('mic', narrow='mic_narrow', full_model=MITB5, rare='full', **MIXING),
    'mic_on_adaptsegnet': Method(
        'mic_on_adaptsegnet',
        'adversarial_250k',
        'mic_on_adaptsegnet_narrow',
        'short_adversarial',
        view='crops',
    ),
    'hrda': Method('daformer', narrow='daformer_narrow', models=HRDA, rare='full', **{**MIXING, 'view': 'large_crops'}),
    'hrda_mic': Method('mic', narrow='mic_narrow', models=HRDA, rare='full', **{**MIXING, 'view': 'large_crops'}),
    'unimatch_v2': Method('unimatch_v2', 'daformer_40k', short='short', view='crops', streams='few'),
    'source_free': Method('source_free', 'daformer_40k', short='source_free_short', view='crops', streams='target'),
    'tent': Method('tent', 'tent', short='tent_short', models=BATCH_NORM, streams='target'),
    'noadapt': Method(None, 'noadapt', short='noadapt_short', models=NOADAPT, view='own_grids'),
    'srda': Method('srda', 'srda', 'srda_narrow', 'srda_short', models=SRDA, view='super_resolution'),
    'srda_code': Method('srda_code', 'srda_code', models=SRDA[:1], view='super_resolution'),
    'cyclegan': Method(None, 'cyclegan_50k', short='cyclegan_short', models=CYCLEGAN, view='translation'),
}
SEGFORMER = (
    "adamw = dict(_delete_=True, type='AdamW', lr=6e-5, weight_decay=0.01)",
    "rates = dict(custom_keys={'norm': dict(decay_mult=0.0), 'head': dict(lr_mult=10.0)})",
)
ADAMW = 'segmentor=dict(optimizer=adamw, paramwise_cfg=rates)'
MODELS = {
    'deeplabv3plus-effl0': Model(is_narrow=True, bottleneck=True, summed=True),
    'deeplabv3plus-mv2': Model(is_narrow=True, auxiliary=96, bottleneck=True),
    'deeplabv3plus-mv2-d8': Model(own_batch_norm=False, auxiliary=96, bottleneck=True),
    'deeplabv2-r101': Model(own_batch_norm=False, summed=True),
    'deeplabv3plus-r101': Model(bottleneck=True, summed=True),
    'fcn-hr48': Model(auxiliary=192),
    'segformer-b2': Model(auxiliary=320, lines=SEGFORMER, optimizer=ADAMW),
    'daformer-mitb5': Model(own_batch_norm=False, auxiliary=320, lines=SEGFORMER, optimizer=ADAMW),
    'hrda_daformer-mitb5': Model(own_batch_norm=False, window=1024),
    'hrda_deeplabv3plus-effl0': Model(is_narrow=True, window=128),
    'noadapt_resaspp': Model(),
    'noadapt_resaspp_narrow': Model(is_narrow=True),
    'srda_resaspp': Model(),
    'srda_resaspp_narrow': Model(is_narrow=True),
    'cyclegan': Model(),
    'cyclegan_narrow': Model(is_narrow=True),
}
# Models for any method.
SEGMENTORS = tuple(MODELS)[:8]
ISPRS_THINGS, BUILDINGS = '(1, 3, 4)  # building, tree, car', '(1,)'
SIXTEEN = '(5, 6, 7, 10, 11, 12, 13, 14, 15)  # things among the 16'
ALL_VIEWS = ('super_resolution', 'own_grids', 'patches', 'translation', 'augmented', 'on_target', 'histogram')
USUAL_VIEWS = ('translation', 'augmented')
STREET_VIEWS = ('crops', 'large_crops', *USUAL_VIEWS)
GRIDS = ('super_resolution', 'own_grids')
STREET = 'train_dataloader = dict(dataset=dict(source=dict(pipeline=_base_.target_pipeline)))'
IMAGES = 'indices=[*range(0, 2975, 30)]'
DATA = {
    'synthetic': Data(
        'deeplabv3plus-effl0',
        ISPRS_THINGS,
        ALL_VIEWS,
        few="name_prefix='scene_00'",
        crop=128,
        rare='temperature=0.05, min_pixels=45',
    ),
    'nairobi2kampala': Data(
        'deeplabv3plus-effl0',
        BUILDINGS,
        ALL_VIEWS,
        few=f'{TILES}, indices=[1, 10]',
        crop=192,
        rare='temperature=0.05, min_pixels=300',
    ),
    'kampala2nairobi': Data(
        'deeplabv3plus-effl0',
        BUILDINGS,
        tuple(view for view in ALL_VIEWS if view != 'patches'),
        few=f'{TILES}, indices=[1, 10]',
        crop=192,
        rare='temperature=0.05, min_pixels=300',
    ),
    'folders': Data(
        'deeplabv3plus-effl0',
        views=('augmented', 'on_target', 'histogram'),
        few='indices=[0, 9, 18, 27]',
        crop=128,
        rare='temperature=0.05, min_pixels=100',
    ),
    'gta2cityscapes': Data('deeplabv2-r101', None, STREET_VIEWS, STREET, scales=True, few=IMAGES),
    'synthia2cityscapes': Data('deeplabv2-r101', SIXTEEN, STREET_VIEWS, STREET, scales=True, few=IMAGES),
    'mass2inria': Data('deeplabv3plus-r101', BUILDINGS, (*GRIDS, *USUAL_VIEWS)),
    'inria2mass': Data('deeplabv3plus-r101', BUILDINGS, USUAL_VIEWS),
    'massroads2deepglobe': Data('deeplabv3plus-r101', BUILDINGS, USUAL_VIEWS),
    'deepglobe2massroads': Data('deeplabv3plus-r101', BUILDINGS, USUAL_VIEWS),
    'potsdam2vaihingen': Data('deeplabv3plus-r101', ISPRS_THINGS, ('augmented', 'patches')),
    'vaihingen2potsdam': Data('deeplabv3plus-r101', ISPRS_THINGS, ('augmented', 'patches')),
    'loveda_urban2rural': Data('deeplabv3plus-r101', BUILDINGS, ('augmented',)),
    'loveda_rural2urban': Data('deeplabv3plus-r101', BUILDINGS, ('augmented',)),
    'vaih2pots': Data('deeplabv3plus-r101', ISPRS_THINGS, GRIDS, crop=None),
}
CITIES = ('vaihingen', 'potsdam', 'hannover', 'buxtehude', 'nienburg')
CITY_PATCHES = Data('deeplabv3plus-mv2-d8', ISPRS_THINGS, ('patches',), own_base=False, crop=224, rare=None)
DATA |= {
    pair: CITY_PATCHES
    for pair in (f'{source}2{target}' for source in CITIES for target in CITIES if source != target)
    if pair not in DATA
}
