"""Converters of checkpoints that the authors of a method released.

Imports ``checkpoints`` and ``utils``.
"""

from mmuda.checkpoints.official.deeplab_v2 import convert as convert_deeplab_v2
from mmuda.checkpoints.official.srda import convert as convert_srda

__all__ = ['convert_deeplab_v2', 'convert_srda']
