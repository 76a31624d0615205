"""What a user gets wrong is told at build; views, teacher and prediction go where the config says."""

import pytest
import torch
from mmengine.config import ConfigDict

from mmuda.registry import MODELS
from mmuda.testing.toy import batch, plain_segmentor, segmentor
