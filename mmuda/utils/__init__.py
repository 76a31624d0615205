"""Small things that several parts need: environment, errors, files, checkpoints, weights."""

from mmuda.utils.environment import check_packages
from mmuda.utils.errors import UserError

__all__ = ['UserError', 'check_packages']
