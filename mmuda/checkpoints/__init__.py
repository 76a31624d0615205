"""Checkpoints: read safely, found, fitted to a model's names, and what a run notes in them.

Imports ``utils`` alone, so that models may use it.
"""
