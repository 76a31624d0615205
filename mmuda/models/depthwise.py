"""The backward pass of depthwise convolutions on a CPU.

oneDNN has fast kernels for the backward pass of a depthwise convolution only where it is 3 x 3 and not dilated. Others
take twenty times as long as the forward pass: a third of a training step of DeepLabv3+ on EfficientNet-Lite. In
bfloat16, with NHWC images, its gradient of the weights is wrong where the convolution is dilated and few images are in
the batch (torch 2.13 with oneDNN 3; tests/test_models/test_depthwise.py shows whether that still holds).

Both gradients are depthwise convolutions themselves, whose forward pass is fast:

- of the input: the gradient of the output with the mirrored kernel (stride 1);
- of the weights: each image with its own gradient as the kernel, stride and dilation swapped, summed over the batch.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOW_PRECISION = (torch.bfloat16, torch.float16)
# The forward pass of larger kernels sums one pixel after the other, which costs digits.
LARGEST_KERNEL = 1 << 18


class _DepthwiseConvolution(torch.autograd.Function):
    """A depthwise convolution whose gradients are depthwise convolutions."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, stride, padding, dilation) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.shape, ctx.with_bias = (stride, padding, dilation), bias is not None
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups=len(weight))

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_input, of_weight, of_bias = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # a gradient of the gradient is asked for: torch's own can be differentiated
            dx, dw, db = _native(grad, x, weight, *ctx.shape, (of_input, of_weight, of_bias and ctx.with_bias))
        else:
            with torch.autocast('cpu', enabled=False):
                dx = _gradient_of_input(grad, x, weight, *ctx.shape) if of_input else None
                dw = _gradient_of_weight(grad, x, weight, *ctx.shape) if of_weight else None
                db = grad.sum((0, 2, 3)) if of_bias and ctx.with_bias else None
        return dx, dw, db, None, None, None


def _native(grad: Tensor, x: Tensor, weight: Tensor, stride, padding, dilation, wanted) -> tuple[Tensor | None, ...]:
    bias = [len(weight)] if wanted[2] else None
    return torch.ops.aten.convolution_backward(
        grad, x, weight, bias, stride, padding, dilation, False, [0, 0], len(weight), list(wanted)
    )


def _gradient_of_input(grad: Tensor, x: Tensor, weight: Tensor, stride, padding, dilation) -> Tensor:
    reach = [d * (k - 1) - p for d, k, p in zip(dilation, weight.shape[-2:], padding, strict=True)]
    if tuple(stride) == (1, 1) and max(dilation) > 1 and min(reach) >= 0:
        return F.conv2d(grad, weight.flip(2, 3), None, 1, reach, dilation, groups=len(weight))
    if max(stride) > 1 and grad.dtype in LOW_PRECISION:  # which oneDNN has no fast kernel for
        arguments = (tensor.float() for tensor in (grad, x, weight))
        return _native(*arguments, stride, padding, dilation, (True, False, False))[0].to(x.dtype)
    return _native(grad, x, weight, stride, padding, dilation, (True, False, False))[0]


def _gradient_of_weight(grad: Tensor, x: Tensor, weight: Tensor, stride, padding, dilation) -> Tensor:
    if max(dilation) == 1 and max(weight.shape[-2:]) <= 3:
        return _native(grad, x, weight, stride, padding, dilation, (False, True, False))[1]
    if not len(x):
        return torch.zeros_like(weight)
    if max(dilation) > 2 or grad.shape[-2] * grad.shape[-1] > LARGEST_KERNEL:
        # A stride of more than two has no fast kernel either. NCHW is right in bfloat16 too; a weight of one channel
        # counts as contiguous in either layout, and oneDNN goes by its strides.
        arguments = grad.contiguous(), x.contiguous(), weight.new_empty(weight.shape).copy_(weight)
        return _native(*arguments, stride, padding, dilation, (False, True, False))[1]
    count, channels = x.shape[:2]
    images = x.reshape(1, count * channels, *x.shape[-2:])
    kernels = grad.reshape(count * channels, 1, *grad.shape[-2:])
    # Stride and dilation are swapped; columns that the stride never reached lie after the kernel's.
    each = F.conv2d(images, kernels, None, dilation, padding, stride, groups=count * channels)
    height, width = weight.shape[-2:]
    each = each[..., :height, :width].reshape(count, channels, 1, height, width)
    return each.sum(0, dtype=torch.float32 if each.dtype in LOW_PRECISION else None).to(weight.dtype)


class DepthwiseMixin:
    """Goes before a kind of ``nn.Conv2d`` that is depthwise; :attr:`plain` is that kind."""

    plain: type[nn.Conv2d]

    def __reduce_ex__(self, protocol):
        _, _, *state = super().__reduce_ex__(protocol)
        return _made_again, (self.plain,), *state

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        trains = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
        if not trains or x.device.type != 'cpu' or x.ndim != 4 or torch.compiler.is_compiling():
            return super()._conv_forward(x, weight, bias)
        shape = self.stride, self.padding, self.dilation
        if not torch.is_autocast_enabled('cpu') or x.dtype == torch.float64:
            return _DepthwiseConvolution.apply(x, weight, bias, *shape)
        dtype = torch.get_autocast_dtype('cpu')
        x, weight, bias = (None if tensor is None else tensor.to(dtype) for tensor in (x, weight, bias))
        with torch.autocast('cpu', enabled=False):
            return _DepthwiseConvolution.apply(x, weight, bias, *shape)


@functools.cache
def _depthwise(kind: type[nn.Conv2d]) -> type[nn.Conv2d]:
    return type(kind.__name__, (DepthwiseMixin, kind), {'__module__': kind.__module__, 'plain': kind})


def _made_again(kind: type[nn.Conv2d]) -> nn.Conv2d:
    """For copies and pickles, which fill in what it holds."""
    made = _depthwise(kind)
    return made.__new__(made)


def is_depthwise(module: nn.Module) -> bool:
    """Whether a module is a convolution with one kernel a channel and zeros around the image."""
    return (
        isinstance(module, nn.Conv2d)
        and 1 < module.groups == module.in_channels == module.out_channels
        and module.padding_mode == 'zeros'
        and not isinstance(module.padding, str)
    )


def use_fast_depthwise(model: nn.Module) -> int:
    """Let the depthwise convolutions of a model train with the fast gradients; weights keep their names and values.

    The gradients are those of torch but for the order of summation. On other devices than a CPU, in prediction and in
    compiled networks, nothing changes.

    Args:
        model: The model, changed in place.

    Returns:
        How many convolutions there are.
    """
    found = [module for module in model.modules() if is_depthwise(module)]
    for module in found:
        if not isinstance(module, DepthwiseMixin):
            module.__class__ = _depthwise(type(module))
    return len(found)


def use_native_depthwise(model: nn.Module) -> None:
    """Undo :func:`use_fast_depthwise`."""
    for module in model.modules():
        if 'plain' in vars(type(module)):  # not where something else has put a class of its own in front
            module.__class__ = type(module).plain
