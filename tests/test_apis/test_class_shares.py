"""Class shares: predictions take the shares that are expected, and nothing but a bias changes."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from mmuda.apis import ADAPTATION_STEPS, UserError, adapt, inference_model, init_model, load_config, train
from mmuda.apis.class_shares import shift_for_shares
from mmuda.checkpoints.reading import read_checkpoint
from mmuda.registry import DATASETS, MODELS
from tests.helpers.two_models import imagery  # noqa: F401  (a fixture)


def log_prob_of(seed, pixels, classes):
    logits = np.random.default_rng(seed).normal(size=(pixels, classes)) * 2 + np.linspace(0, 3, classes)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def shares_of(labels, classes):
    return np.bincount(labels, minlength=classes) / len(labels)


def test_the_shifted_predictions_are_the_most_probable_ones_with_these_shares():
    """The transport problem itself, solved as a linear program over all assignments."""
    pixels, wanted = 60, np.array([0.5, 0.3, 0.2])
    log_prob = log_prob_of(0, pixels, 3)
    each_pixel_once = np.kron(np.eye(pixels), np.ones(3))
    each_class = np.kron(np.ones(pixels), np.eye(3))
    plan = linprog(
        -log_prob.ravel(),
        A_eq=np.vstack([each_pixel_once, each_class]),
        b_eq=np.concatenate([np.ones(pixels), wanted * pixels]),
    ).x.reshape(pixels, 3)
    found = (log_prob + shift_for_shares(log_prob, wanted)).argmax(axis=1)
    # Pixels on the border between two classes may go to either.
    assert (found == plan.argmax(axis=1)).mean() > 0.95
    assert not np.array_equal(log_prob.argmax(axis=1), plan.argmax(axis=1))


@pytest.mark.parametrize('classes', [2, 6, 19])
def test_any_shares_are_reached(classes):
    wanted = np.random.default_rng(classes).dirichlet(np.ones(classes))
    log_prob = log_prob_of(1, 20000, classes)
    found = shares_of((log_prob + shift_for_shares(log_prob, wanted)).argmax(axis=1), classes)
    np.testing.assert_allclose(found, wanted, atol=0.005)


def test_of_two_classes_the_shift_is_the_quantile_of_the_log_odds():
    log_prob = log_prob_of(2, 5001, 2)
    shift = shift_for_shares(log_prob, np.array([0.75, 0.25]))
    expected = np.quantile(log_prob[:, 1] - log_prob[:, 0], 0.75)
    assert shift[0] - shift[1] == pytest.approx(expected, abs=0.02)


def test_a_class_that_is_not_expected_is_not_predicted_and_the_others_share_its_pixels():
    log_prob = log_prob_of(3, 5000, 3)
    log_prob[:, 0] -= 5
    shift = shift_for_shares(log_prob, np.array([0.0, 0.6, 0.4]))
    found = shares_of((log_prob + shift).argmax(axis=1), 3)
    np.testing.assert_allclose(found, [0, 0.6, 0.4], atol=0.01)
    assert np.isfinite(shift).all()


def adapted(imagery, tmp_path, **options):  # noqa: F811
    out = tmp_path / 'adapted.pth'
    told = []
    adapt(load_config(imagery), imagery.with_name('strong.pth'), out, device='cpu', report=told.append, **options)
    return out, told


def predicted_share(imagery, checkpoint):  # noqa: F811
    """Share of class 1 over the crops of the target stream."""
    model = init_model(load_config(imagery), checkpoint, 'cpu')
    settings = dict(load_config(imagery).train_dataloader.dataset.target, domain='target')
    dataset = DATASETS.build(settings)
    np.random.seed(0)  # the crops
    labels = torch.cat([inference_model(model, dataset[0]).pred_sem_seg.data.flatten() for _ in range(60)])
    return (labels == 1).float().mean().item()


@pytest.mark.parametrize('share', [0.3, 0.7])
def test_a_checkpoint_predicts_the_given_shares(imagery, tmp_path, share):  # noqa: F811
    before = predicted_share(imagery, imagery.with_name('strong.pth'))
    out, told = adapted(imagery, tmp_path, steps=['class_shares'], shares=[1 - share, share])
    assert abs(before - share) > 0.1
    assert predicted_share(imagery, out) == pytest.approx(share, abs=0.05)
    old, new = (read_checkpoint(path) for path in (imagery.with_name('strong.pth'), out))
    changed = {key for key, value in old['state_dict'].items() if not torch.equal(value, new['state_dict'][key])}
    assert changed == {'segmentor.decode_head.conv_seg.bias'}
    how = new['meta']['adapted']['class_shares']
    assert how['shares'] == [1 - share, share] and how['batches'] == 100
    assert f'-> {100 * share:.1f} %' in told[0]


def test_without_shares_those_of_the_source_are_counted(imagery, tmp_path):  # noqa: F811
    out, _ = adapted(imagery, tmp_path)  # both steps, in their order
    how = read_checkpoint(out)['meta']['adapted']
    assert list(how) == [*ADAPTATION_STEPS, 'images', 'seed']
    # Half of the image is bright, and its dark corner is not labelled.
    assert how['class_shares']['shares'][1] == pytest.approx(0.5, abs=0.03)
    assert predicted_share(imagery, out) == pytest.approx(how['class_shares']['shares'][1], abs=0.05)


def test_the_shift_is_estimated_after_batch_norm(imagery, tmp_path):  # noqa: F811
    """Done in the other order, the predictions would have other shares."""
    out, _ = adapted(imagery, tmp_path, steps=ADAPTATION_STEPS[::-1], shares=[0.8, 0.2])
    assert predicted_share(imagery, out) == pytest.approx(0.2, abs=0.05)


def test_one_that_sums_classifiers_is_shifted_once(tiny, tmp_path):
    head = dict(type='DeepLabV2Head', in_channels=4, in_index=0, num_classes=2, dilations=(1, 2), classifiers=2)
    cfg = tiny()
    cfg.model.segmentor.decode_head = head
    torch.manual_seed(0)
    torch.save(dict(state_dict=MODELS.build(cfg.model.segmentor).state_dict()), tmp_path / 'plain.pth')
    adapt(cfg, tmp_path / 'plain.pth', tmp_path / 'out.pth', ['class_shares'], [0.3, 0.7], report=lambda _: None)
    old, new = (read_checkpoint(tmp_path / name)['state_dict'] for name in ('plain.pth', 'out.pth'))
    (changed,) = [key for key in old if not torch.equal(old[key], new[key])]
    shift = new[changed] - old[changed]
    how = read_checkpoint(tmp_path / 'out.pth')['meta']['adapted']['class_shares']
    torch.testing.assert_close(shift, torch.tensor(how['shift']), rtol=1e-3, atol=1e-4)


def test_what_cannot_be_matched_is_told(imagery, tmp_path):  # noqa: F811
    for options, message in (
        (dict(shares=[0.5, 0.2]), r'shares=\[0.5, 0.2\] have the sum 0.700'),
        (dict(shares=[1.5, -0.5]), 'numbers from 0 to 1'),
        (dict(shares=[0.5, 0.3, 0.2]), 'are 3 shares, but there are 2 classes'),
        (dict(steps=['shares']), r"steps \['shares'\]: there is batch_norm and class_shares"),
        (dict(steps=[]), 'give a list of one or both'),
    ):
        with pytest.raises(UserError, match=message):
            adapted(imagery, tmp_path, **options)
    cfg = load_config(imagery)
    cfg.train_dataloader.dataset.source = None
    with pytest.raises(UserError, match='has no labels of the source to count'):
        adapt(cfg, imagery.with_name('strong.pth'), tmp_path / 'adapted.pth', report=lambda _: None)
    assert not (tmp_path / 'adapted.pth').exists()


def test_one_logit_for_two_classes_is_told(tiny, tmp_path):
    cfg = tiny(model__segmentor__decode_head__out_channels=1, model__segmentor__decode_head__threshold=0.5)
    torch.save(dict(state_dict=MODELS.build(cfg.model.segmentor).state_dict()), tmp_path / 'plain.pth')
    with pytest.raises(UserError, match='does not give one logit for each of two classes'):
        adapt(cfg, tmp_path / 'plain.pth', tmp_path / 'adapted.pth', ['class_shares'], report=lambda _: None)
    assert not (tmp_path / 'adapted.pth').exists()


def test_a_training_may_end_with_an_adaptation_and_a_choice(imagery, tmp_path):  # noqa: F811
    ending = "adaptation_steps = ['class_shares']\nclass_shares = [0.9, 0.1]\n"
    imagery.write_text(imagery.read_text() + ending)
    train(load_config(imagery), str(tmp_path / 'run'))
    answer = (tmp_path / 'run' / 'choice.md').read_text()
    name = 'adapted.pth' if 'Use as trained, adapted' in answer else 'iter_1.pth'
    assert (tmp_path / 'run' / 'chosen.pth').read_bytes() == (tmp_path / 'run' / name).read_bytes()
    adapted = read_checkpoint(tmp_path / 'run' / 'adapted.pth')['meta']['adapted']
    assert list(adapted) == [ADAPTATION_STEPS[1], 'images', 'seed']
    assert adapted['class_shares']['shares'] == pytest.approx([0.9, 0.1])
    init_model(load_config(tmp_path / 'run' / 'chosen.py'), tmp_path / 'run' / 'chosen.pth')


@pytest.mark.parametrize(
    ('lines', 'message'),
    [
        ("adaptation_steps = ['shares']", 'there is batch_norm and class_shares'),
        ("adaptation_steps = 'batch_norm'", 'give a list of one or both'),
        ("adaptation_steps = ['class_shares']\nclass_shares = [0.9, 0.2]", 'have the sum 1.1'),
        ("adaptation_steps = ['class_shares']\nclass_shares = 'many'", "class_shares='many'"),
        (
            "adaptation_steps = ['class_shares']\nclass_shares = [0.5, 0.3, 0.2]",
            'are 3 shares, but there are 2 classes',
        ),
        ("adaptation_steps = ['batch_norm']\nval_dataloader = None", 'but no test_dataloader'),
        (
            "adaptation_steps = ['batch_norm']\nval_dataloader = None\ntrain_dataloader['dataset']['target'] = None",
            'neither train_dataloader.dataset.target nor a test_dataloader',
        ),
    ],
)
def test_an_adaptation_that_could_not_follow_is_told_before_training(imagery, tmp_path, lines, message):  # noqa: F811
    imagery.write_text(f'{imagery.read_text()}{lines}\n')
    with pytest.raises(UserError, match=message):
        train(load_config(imagery), str(tmp_path / 'run'))
    assert not list((tmp_path / 'run').glob('*.pth'))
