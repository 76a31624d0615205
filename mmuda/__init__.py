"""mmuda: unsupervised domain adaptation for semantic segmentation of remote-sensing imagery."""

from mmuda.utils.environment import check_packages, wait_passively

check_packages()
wait_passively()

__version__ = '0.1.0'
