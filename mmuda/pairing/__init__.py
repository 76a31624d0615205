"""Matches source patches with target patches by scores of pairs, computed once before training.

Imports ``structures`` and ``utils``: matching works on tensors alone.
"""

from .semsim import Matches, semantic_similarity

__all__ = ['Matches', 'semantic_similarity']
