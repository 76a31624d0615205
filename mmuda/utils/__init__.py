"""Small helpers that several parts need and that fit nowhere else: environment, errors, files, locks, progress.

Imports nothing of mmuda; only :func:`register_all_modules` imports the other parts, when it is called.
"""

from mmuda.utils.environment import check_packages
from mmuda.utils.errors import UserError

__all__ = ['UserError', 'check_packages']
