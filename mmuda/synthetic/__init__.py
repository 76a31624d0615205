"""Built-in synthetic imagery: two domains, drawn procedurally.

Imports ``datasets``, never the reverse.
"""

from .coarse import SyntheticCoarse, SyntheticExemplars, coarse_labels
from .dataset import SyntheticDataset
from .domains import SOURCE_STYLE, STYLES, TARGET_STYLE
from .generator import generate
from .materials import ISPRS_CLASSES, ISPRS_PALETTE
from .styles import DomainStyle, Light, Palette, Sensor, UrbanForm
