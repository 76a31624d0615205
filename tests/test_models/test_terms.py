"""Terms alone, on taps that are given."""

import pytest
import torch

from mmuda.registry import TERMS


class Taps:
    """A context that only hands out given tensors."""

    def __init__(self, **taps: torch.Tensor) -> None:
        self.taps = {name.replace('__', ':'): tap for name, tap in taps.items()}

    def tap(self, address: str) -> torch.Tensor:
        return self.taps[address]


def alignment(gan_type: str) -> torch.nn.Module:
    term = TERMS.build(
        dict(
            type='AdversarialAlignment',
            source='source:prob',
            target='target:prob',
            discriminator=dict(type='FCDiscriminator', in_channels=1, base_channels=2),
            loss=dict(type='GANLoss', gan_type=gan_type),
        )
    )
    term.discriminator = torch.nn.Identity()  # what it sees is its logit
    return term


@pytest.mark.parametrize(('gan_type', 'middle'), [('vanilla', 0.0), ('hinge', 0.0), ('wgan', 0.0), ('lsgan', 0.5)])
def test_accuracy_of_the_discriminator_on_each_domain(gan_type, middle):
    source = torch.tensor([-1.0, -0.5, 2.0, middle]).view(1, 1, 2, 2)  # three at or below the middle
    target = torch.tensor([-1.0, -0.5, 2.0, middle]).view(1, 1, 2, 2)  # one above it
    losses = alignment(gan_type).losses('discriminator', Taps(source__prob=source, target__prob=target))
    assert losses['acc_source'].item() == 0.75
    assert losses['acc_target'].item() == 0.25
    assert set(losses) == {'loss_discriminator', 'acc_source', 'acc_target'}


def test_reversal_turns_the_gradient_round():
    term = alignment('vanilla')
    term.reversal_strength = 0.3
    source, target = (torch.randn(1, 1, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    losses = term.losses('reversal', Taps(source__prob=source, target__prob=target))
    losses['loss_discriminator'].backward()
    # d/dx of 0.5 * mean(-log(1 - sigmoid(x))) is 0.5 * sigmoid(x) / 4, of the target's -log sigmoid(x) minus the rest.
    torch.testing.assert_close(source.grad, -0.3 * 0.5 * source.detach().sigmoid() / 4)
    torch.testing.assert_close(target.grad, 0.3 * 0.5 * (1 - target.detach().sigmoid()) / 4)


def test_a_weight_map_is_brought_to_the_grid_of_the_logits():
    term = alignment('lsgan')
    term.weight = lambda domain, context: torch.tensor([0.0, 2.0]).repeat(2, 1).repeat_interleave(2, 1).view(1, 1, 2, 4)
    target = torch.full((1, 1, 1, 2), 3.0)
    losses = term.losses('segmentor', Taps(source__prob=target, target__prob=target))
    # Half the positions weigh 0, half weigh 2; every one loses (3 - 0)^2.
    torch.testing.assert_close(losses['loss_adversarial'], torch.tensor((0.0 * 9 + 2.0 * 9) / 2))
