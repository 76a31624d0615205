"""The share of the domain gap that a method closes."""


def normalised_adaptability(adapted: float, source_only: float, target_only: float) -> float | None:
    """NAM, ``(adapted - source_only) / (target_only - source_only) * 100`` percent (ISIA/AIM).

    Args:
        adapted: Score of the adapted model, e.g. mIoU in percent.
        source_only: Score of the model trained only on the source.
        target_only: Score of the model trained on the target's labels.

    Returns:
        Percent; 0 for a method that changes nothing, 100 for one that is as good as training with target labels. None
        if the two reference scores are equal.
    """
    gap = target_only - source_only
    return (adapted - source_only) / gap * 100 if gap else None
