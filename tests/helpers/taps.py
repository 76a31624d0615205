"""A context that hands out given tensors, for terms by themselves."""

from mmengine.logging import MessageHub


class Taps:
    """Stands for a ForwardContext.

    Args:
        taps: Tensors by address.
    """

    def __init__(self, taps):
        self.taps = taps

    @property
    def iteration(self):
        return MessageHub.get_current_instance().get_info('iter', 0)

    def tap(self, address):
        return self.taps[address]

    def size(self, view):
        """That of the image; ``'view:image'`` is given for nothing else."""
        return tuple(self.taps[f'{view}:image'].shape[-2:])
