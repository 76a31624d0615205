"""Configs that are written from a method, a model and a dataset."""

import subprocess
import sys

import pytest

from mmuda.apis import load_config, prepare
from mmuda.apis.new_config import _default_model, combinations, new_config
from mmuda.apis.recipes import DATA, METHODS, MODELS
from mmuda.utils.errors import UserError
from tests.helpers import CONFIGS, ROOT
from tests.helpers.on_meta import check_on_meta, forward_once  # noqa: F401  (a fixture)

ALL = combinations()
CITY_PAIRS = {data for data, source in DATA.items() if not source.own_base} - {'potsdam2nienburg'}


def written(tmp_path, method, model, data):
    path = tmp_path / 'config.py'
    path.write_text(new_config(method, data, model).replace("'../_base_", f"'{CONFIGS}/_base_"))
    return path


def is_default(method, model, data):
    return model == _default_model(METHODS[method], DATA[data])


SHORT = [c for c in ALL if (is_default(*c) and c[2] not in CITY_PAIRS) or c[2] == 'synthetic']


def check_all(combinations, tmp_path):
    """Build all of them in one process, which keeps the forward of each segmentor."""
    wrong = {}
    for method, model, data in combinations:
        try:
            check_on_meta(written(tmp_path, method, model, data))
        except Exception as error:
            wrong[method, model, data] = error
    assert not wrong


@pytest.mark.parametrize('model', MODELS)
def test_each_method_on_each_dataset_and_with_each_model_can_be_run(model, tmp_path, forward_once):  # noqa: F811
    check_all([c for c in SHORT if c[1] == model], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('model', MODELS)
def test_the_full_product_can_be_run(model, tmp_path, forward_once):  # noqa: F811
    check_all([c for c in ALL if c[1] == model and c not in SHORT], tmp_path)


def test_every_method_model_and_dataset_has_a_place():
    methods, models, data = (set(column) for column in zip(*ALL, strict=True))
    assert (methods, models, data) == (set(METHODS), set(MODELS), set(DATA))


@pytest.mark.parametrize(
    ('leaf', 'method', 'data', 'model'),
    [
        ('adaptsegnet/adaptsegnet_single_deeplabv3plus-effl0_synthetic', 'adaptsegnet_single', 'synthetic', None),
        ('clan/clan_deeplabv2-r101_gta2cityscapes', 'clan', 'gta2cityscapes', None),
        ('dann/dann_deeplabv3plus-mv2_potsdam2nienburg', 'dann', 'potsdam2nienburg', None),
        ('dann/dann_deeplabv3plus-mv2_synthetic', 'dann', 'synthetic', None),
        ('isia_aim/isia_deeplabv3plus-effl0_nairobi2kampala', 'isia', 'nairobi2kampala', None),
        ('pfr/pfr_deeplabv2-r101_gta2cityscapes', 'pfr', 'gta2cityscapes', 'deeplabv2-r101'),
        ('source_only/source_only_augmented_deeplabv3plus-effl0_synthetic', 'source_only_augmented', 'synthetic', None),
        ('srda/srda_resaspp_vaih2pots', 'srda', 'vaih2pots', None),
        ('srda/noadapt_resaspp_vaih2pots', 'noadapt', 'vaih2pots', None),
        ('cyclegan/cyclegan_resnet_nairobi2kampala', 'cyclegan', 'nairobi2kampala', None),
        ('dacs/dacs_deeplabv2-r101_gta2cityscapes', 'dacs', 'gta2cityscapes', None),
        ('hrda/hrda_mic_deeplabv3plus-effl0_synthetic', 'hrda_mic', 'synthetic', 'hrda_deeplabv3plus-effl0'),
        ('mic/mic_deeplabv3plus-effl0_synthetic', 'mic', 'synthetic', None),
        ('mic/mic_on_adaptsegnet_deeplabv3plus-effl0_nairobi2kampala', 'mic_on_adaptsegnet', 'nairobi2kampala', None),
        ('unimatch_v2/unimatch_v2_deeplabv3plus-effl0_synthetic', 'unimatch_v2', 'synthetic', None),
        ('source_free/source_free_daformer-mitb5_gta2cityscapes', 'source_free', 'gta2cityscapes', 'daformer-mitb5'),
        ('source_free/tent_deeplabv3plus-effl0_nairobi2kampala', 'tent', 'nairobi2kampala', None),
        ('self_training/self_training_deeplabv3plus-effl0_synthetic', 'self_training', 'synthetic', None),
    ],
)
def test_it_writes_what_the_shipped_config_says(leaf, method, data, model, tmp_path):
    parts = ('model', 'train_dataloader', 'val_dataloader', 'optim_wrapper', 'param_scheduler', 'train_cfg')
    shipped = prepare(load_config(CONFIGS / f'{leaf}.py'))
    ours = prepare(load_config(written(tmp_path, method, model, data)))
    for part in parts:
        assert _without_none(ours.get(part)) == _without_none(shipped.get(part)), part


def _without_none(value):
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(method='self_training', data='hannover2vaihingen'), 'labels whole rasters'),
        (dict(method='adaptsegnt', data='synthetic'), "the method 'adaptsegnt' is not known; did you mean adaptsegnet"),
        (dict(method='mmd', data='mars'), "the dataset 'mars' is not known; there are synthetic"),
        (dict(method='mmd', data='synthetic', model='unet'), "the model 'unet' is not known"),
        (dict(method='srda', data='synthetic', model='fcn-hr48'), 'srda does not go with the model fcn-hr48; it goes'),
        (
            dict(method='srda', data='gta2cityscapes'),
            "the view 'super_resolution' of the data, which gta2cityscapes has",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        new_config(**arguments)


def test_a_file_is_written_where_it_is_wanted_and_never_over_another(tmp_path):
    out = tmp_path / 'mine' / 'config.py'
    tool = [sys.executable, str(ROOT / 'tools/new_config.py'), '--method', 'mmd', '--data', 'synthetic']
    shown = subprocess.run([*tool, '--out', str(out)], capture_output=True, text=True, check=True).stdout
    assert f'python tools/train.py {out}' in shown
    assert "'mmuda::_base_/methods/mmd.py'" in out.read_text()
    inside = new_config('mmd', 'synthetic')
    assert "'../_base_/methods/mmd.py'" in inside
    with pytest.raises(UserError, match='exists already'):
        new_config('mmd', 'synthetic', out=out)


def test_a_config_outside_the_project_is_prepared_like_one_inside(tmp_path):
    """Variables of a base of another package carry mmengine's scope, which is no argument of a dataset."""
    new_config('target_only', 'synthetic', out=tmp_path / 'ours' / 'config.py')
    cfg = prepare(load_config(tmp_path / 'ours' / 'config.py'))
    assert cfg.model.segmentor.decode_head.num_classes == 6
    assert cfg.train_dataloader.dataset.source.labelled and cfg.train_dataloader.dataset.source.domain == 'target'
