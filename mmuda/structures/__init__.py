"""The results of one forward, and what travels with a batch: missing data, weights of pixels, changes of features.

Imports ``utils`` alone.
"""

import lazy_loader

# A part is imported when it is used: what only reads rasters needs neither torch nor mmengine.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        'constants': ['IGNORE_INDEX', 'NO_DATA'],
        'domain_outputs': ['DomainOutputs', 'split_tap', 'upcast'],
        'no_data': ['no_data_of', 'no_data_of_prediction', 'predicted_label', 'validity'],
        'perturbation': ['PERTURBATION', 'perturbed'],
        'pixel_weights': ['pixel_weight_of', 'pixel_weights', 'with_labels'],
    },
)
