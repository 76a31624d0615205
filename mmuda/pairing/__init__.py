"""Which target patch goes with which source patch: scores of pairs, computed once before training."""

from .semsim import Matches, semantic_similarity

__all__ = ['Matches', 'semantic_similarity']
