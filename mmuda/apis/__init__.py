"""The functions that users and tools call, all available by ``from mmuda.apis import ...``.

Imports everything below it, never ``experiments`` or ``tools``.
"""

from mmuda.apis.adapt import ADAPTATION_STEPS, adapt
from mmuda.apis.adapt_and_choose import adapt_and_choose
from mmuda.apis.browse import browse
from mmuda.apis.candidates import Candidate
from mmuda.apis.check import check
from mmuda.apis.choose import CHOOSING, RESAMPLED, choose, judge
from mmuda.apis.config import load_config
from mmuda.apis.distributed import init_distributed
from mmuda.apis.evaluate_map import evaluate_map
from mmuda.apis.export import export_segmentor
from mmuda.apis.export_formats import EXPORT_FORMATS, export_model
from mmuda.apis.inference import inference_model, init_model, predict_raster, super_resolve
from mmuda.apis.new_config import combinations, new_config
from mmuda.apis.new_config_of_rasters import new_config_of_rasters
from mmuda.apis.oracle import coarse_oracle
from mmuda.apis.pair_domains import pair_domains, similarity_of_pairs
from mmuda.apis.pair_scores import PAIRING_STRATEGIES
from mmuda.apis.prepare import prepare
from mmuda.apis.raster_jobs import predict_rasters
from mmuda.apis.reconstruct import draw_reconstructions
from mmuda.apis.runner import build_runner
from mmuda.apis.test import test
from mmuda.apis.train import train
from mmuda.apis.translate import translate_dataset
from mmuda.checkpoints.finding import find_checkpoint
from mmuda.maps.evaluation.options import LabelOptions
from mmuda.maps.polygonize import polygonize_map
from mmuda.utils.errors import UserError, exit_on_user_error

__all__ = [
    'ADAPTATION_STEPS',
    'CHOOSING',
    'EXPORT_FORMATS',
    'PAIRING_STRATEGIES',
    'RESAMPLED',
    'Candidate',
    'LabelOptions',
    'UserError',
    'adapt',
    'adapt_and_choose',
    'browse',
    'build_runner',
    'check',
    'choose',
    'coarse_oracle',
    'combinations',
    'draw_reconstructions',
    'evaluate_map',
    'exit_on_user_error',
    'export_model',
    'export_segmentor',
    'find_checkpoint',
    'inference_model',
    'init_distributed',
    'init_model',
    'judge',
    'load_config',
    'new_config',
    'new_config_of_rasters',
    'pair_domains',
    'polygonize_map',
    'predict_raster',
    'predict_rasters',
    'prepare',
    'similarity_of_pairs',
    'super_resolve',
    'test',
    'train',
    'translate_dataset',
]
