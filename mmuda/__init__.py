"""mmuda: unsupervised domain adaptation for semantic segmentation of remote-sensing imagery."""

from mmuda.utils.environment import check_packages, hide_misleading_warnings, wait_passively
from mmuda.utils.old_names import tell_moved_modules
from mmuda.utils.quiet_import import hide_missing_onedl

check_packages()
hide_misleading_warnings()
hide_missing_onedl()
wait_passively()
tell_moved_modules()

__version__ = '0.1.0'
