"""The names of mmengine, mmcv and mmseg with a leading underscore that mmuda builds on; each may go with a release."""

import ast
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest
from mmcv.transforms import Pad
from mmengine.config import DictAction
from mmengine.dataset import InfiniteSampler
from mmengine.hooks import CheckpointHook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner import IterBasedTrainLoop, Runner, loops
from mmengine.visualization import BaseVisBackend, Visualizer
from mmseg.datasets import BaseSegDataset
from mmseg.models import SegDataPreProcessor
from mmseg.models.backbones import ResNet
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import BaseSegmentor

import mmuda

# Requirements of these packages have a ceiling because of these names: look at each before you raise one.
NAMES = {
    '_InfiniteDataloaderIterator': loops,
    '_accumulative_counts': OptimWrapper,
    '_channel_conversion': SegDataPreProcessor,
    '_decide_current_val_interval': IterBasedTrainLoop,
    '_forward': BaseSegmentor,
    '_indices_of_rank': InfiniteSampler,
    '_init_env': BaseVisBackend,
    '_init_rule': CheckpointHook,
    '_inner_count': OptimWrapper,
    '_iter': IterBasedTrainLoop,
    '_load_from': Runner,
    '_make_stem_layer': ResNet,
    '_max_iters': IterBasedTrainLoop,
    '_metainfo': BaseSegDataset,
    '_pad_seg': Pad,
    '_parse_iterable': DictAction,
    '_resume': Runner,
    '_save_dir': BaseVisBackend,
    '_save_checkpoint_with_step': CheckpointHook,
    '_scale_update_param': AmpOptimWrapper,
    '_test_loop': Runner,
    '_train_loop': Runner,
    '_transform_inputs': BaseDecodeHead,
    '_val_loop': Runner,
    '_vis_backends': Visualizer,
}
OF_TORCH = {'_BatchNorm', '_buffers', '_dynamo', '_modules', '_parameters'}
FOLDER = Path(mmuda.__file__).parent
LIBRARIES = ('mmcv', 'mmengine', 'mmseg')


def is_private(name: str) -> bool:
    return name.strip('_') != '' and name.startswith('_') and not name.startswith('__')


def names_of(path: Path) -> tuple[set[str], set[tuple[str, bool]]]:
    """Private names that a file defines, and those it uses with whether it does so on ``self`` or ``cls``."""
    defined, used = set(), set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            defined.add(node.id)
        elif isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ('self', 'cls')
            if own and isinstance(node.ctx, ast.Store):
                defined.add(node.attr)
            else:
                used.add((node.attr, own))
        elif isinstance(node, ast.ImportFrom) and (node.module or '').partition('.')[0] in (*LIBRARIES, 'torch'):
            used |= {(alias.name, False) for alias in node.names}
    return defined, {(name, own) for name, own in used if is_private(name)}


def used_names() -> set[str]:
    """Private names that are used and not defined: on another object than ``self`` in the file, else anywhere."""
    files = [names_of(path) for path in FOLDER.rglob('*.py')]
    anywhere = set().union(*(defined for defined, _ in files))
    return {
        name for defined, used in files for name, own in used if name not in defined and not (own and name in anywhere)
    }


def overridden_names() -> set[str]:
    """Private names of a library's class that a class of mmuda gives anew."""
    found = set()
    for module in pkgutil.walk_packages([str(FOLDER)], 'mmuda.'):
        for _, cls in inspect.getmembers(import_module(module.name), inspect.isclass):
            bases = [base for base in cls.__mro__[1:] if base.__module__.partition('.')[0] in LIBRARIES]
            if cls.__module__ == module.name:
                found |= {name for name in vars(cls) if is_private(name) for base in bases if name in vars(base)}
    return found - {'_abc_impl'}


def test_no_other_private_name_is_used():
    assert used_names() - OF_TORCH | overridden_names() == set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_the_library_has_it(name):
    owner = NAMES[name]
    assert hasattr(owner, name) or f'self.{name}' in inspect.getsource(owner)


def test_the_requirements_have_a_ceiling():
    lines = (FOLDER.parent / 'requirements' / 'runtime.txt').read_text(encoding='utf-8').splitlines()
    pins = [line for line in lines if line.startswith('onedl-')]
    assert len(pins) == 3 and all(',<' in pin for pin in pins)
