"""Checks for authors of plugins: what every term, view and segmentor must pass, with toy networks and random data.

A plugin's tests call :func:`check_term`, :func:`check_view` or :func:`check_segmentor` with the config of their part.
May import everything in mmuda except ``experiments``; nothing in mmuda imports it.
"""

from .checks import check_segmentor, check_term, check_view, segmentor_case, term_case, view_case
from .ranks import check_ranks
from .taps import Taps
from .toy import ToyBackbone, ToyDataset, ToyDiscriminator, plain_segmentor, segmentor
from .trial import Case, differences

__all__ = [
    'Case',
    'Taps',
    'ToyBackbone',
    'ToyDataset',
    'ToyDiscriminator',
    'check_ranks',
    'check_segmentor',
    'check_term',
    'check_view',
    'differences',
    'plain_segmentor',
    'segmentor',
    'segmentor_case',
    'term_case',
    'view_case',
]
