"""What a user or a tool calls."""

from mmuda.apis.batch_norm import adapt_batch_norm
from mmuda.apis.check import check
from mmuda.apis.config import load_config
from mmuda.apis.distributed import init_distributed
from mmuda.apis.export import export_segmentor
from mmuda.apis.inference import inference_model, init_model, predict_raster, super_resolve
from mmuda.apis.prepare import prepare
from mmuda.apis.raster_jobs import predict_rasters
from mmuda.apis.test import test
from mmuda.apis.train import train
from mmuda.checkpoints.finding import find_checkpoint
from mmuda.utils.errors import UserError, exit_on_user_error

__all__ = [
    'UserError',
    'adapt_batch_norm',
    'check',
    'exit_on_user_error',
    'export_segmentor',
    'find_checkpoint',
    'inference_model',
    'init_distributed',
    'init_model',
    'load_config',
    'predict_raster',
    'predict_rasters',
    'prepare',
    'super_resolve',
    'test',
    'train',
]
