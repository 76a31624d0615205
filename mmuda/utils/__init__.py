"""Small things that several parts need and that have no better home: environment, errors, files, locks, progress.

Imports nothing of mmuda; :func:`register_all_modules` names the others to import them when it is called.
"""

from mmuda.utils.environment import check_packages
from mmuda.utils.errors import UserError

__all__ = ['UserError', 'check_packages']
