import copy

import pytest

from mmuda.apis import UserError, load_config
from mmuda.registry import MODELS
from tests.helpers import CONFIGS


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = 'tiny.py') -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_a_config_inherits_mmsegs_and_its_types_are_known(write):
    path = write("_base_ = ['mmseg::_base_/models/fcn_unet_s5-d16.py', 'mmseg::_base_/default_runtime.py']")
    cfg = load_config(path, {'model.decode_head.num_classes': 6, 'model.backbone.base_channels': 4})
    assert cfg.default_scope == 'mmuda'
    assert cfg.model.decode_head.num_classes == 6
    cfg.model.decode_head.update(in_channels=4, channels=4)
    cfg.model.auxiliary_head.update(in_channels=8, channels=4)
    assert type(MODELS.build(cfg.model)).__name__ == 'EncoderDecoder'


def test_what_is_wrong_with_a_config_is_named(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone\.py was not found'):
        load_config(tmp_path / 'gone.py')
    with pytest.raises(UserError, match=r'tiny\.py cannot be parsed'):
        load_config(write('model = dict('))
    with pytest.raises(UserError, match=r'stages\.5\.iters.* does not fit config'):
        load_config(write('train_cfg = dict(stages=[dict(iters=1)])'), {'train_cfg.stages.5.iters': 3})


def test_an_unknown_type_is_answered_with_those_that_come_close(write):
    load_config(write('a = 1'))
    expected = "type 'EncoderDecodr' in the config is not a registered model; did you mean EncoderDecoder"
    with pytest.raises(UserError, match=expected):
        MODELS.build(dict(type='EncoderDecodr'))


def test_a_config_anywhere_inherits_mmudas(write):
    path = write("_base_ = ['mmuda::_base_/models/noadapt_resaspp_narrow.py', 'mmuda::_base_/default_runtime.py']")
    cfg = load_config(path)
    assert cfg.model.segmentor.backbone.type == 'NoAdaptBackbone' and cfg.default_scope == 'mmuda'


def test_the_text_of_a_config_is_not_laid_out_by_yapf(tmp_path, monkeypatch):
    """It takes ten seconds of a run; the text is valid Python all the same."""
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda *_, **__: pytest.fail('yapf was called'))
    cfg = load_config(CONFIGS / 'source_only' / 'source_only_deeplabv3plus-effl0_synthetic.py')
    copy.deepcopy(cfg).dump(tmp_path / 'dumped.py')
    again = load_config(tmp_path / 'dumped.py')
    assert again.model == cfg.model and again.train_dataloader == cfg.train_dataloader
