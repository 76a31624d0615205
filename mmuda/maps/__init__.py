"""Maps: predicting them, writing them, turning them into polygons and judging them.

Imports ``checkpoints``, ``datasets.raster``, ``datasets.transforms``, ``structures`` and ``utils``, and no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={'onnx_jobs': ['predict_by_onnx'], 'polygonize': ['polygonize_map']}
)
