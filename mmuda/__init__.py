"""mmuda: unsupervised domain adaptation for semantic segmentation of remote-sensing imagery."""

from mmuda.utils.environment import check_packages, hide_misleading_warnings, wait_passively

check_packages()
hide_misleading_warnings()
wait_passively()

__version__ = '0.1.0'
