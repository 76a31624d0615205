"""Draws what the model makes of a few training samples, while it trains."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.visualization import LocalVisBackend

from mmuda.datasets import DrawIndex
from mmuda.engine.model_wrapper import unwrapped
from mmuda.engine.panels import can_draw, panel_rows, undisturbed
from mmuda.engine.raster_tiles import palette_of
from mmuda.registry import HOOKS
from mmuda.utils.fileio import write_atomically
from mmuda.utils.ranges import COUNT, INTERVAL, require
from mmuda.utils.seeds import mix_seed
from mmuda.visualization import draw_panels

# Draws of a run are counted from 0; these are none of them.
FIRST_DRAW = -1
PANEL_INCHES = 2.0


@HOOKS.register_module()
class PanelHook(Hook):
    """Writes ``WORK_DIR/panels/iter_N.png`` every ``interval`` iterations, and hands it to the visualiser.

    The picture shows the same crops each time: of each stream the image, its label, prediction and confidence, then the
    views of the stage (:func:`mmuda.engine.panels.panel_rows`). The training does not change by a bit: the model
    predicts in evaluation mode, and random generators and modes are restored. With several processes all predict, since
    a view may ask all for a number, and the first writes.

    Args:
        interval: Iterations between two pictures; -1 for none.
        samples: Samples of each stream.

    Raises:
        UserError: If a number is out of range.
    """

    # After the optimiser's step, before the checkpoint.
    priority = 'LOW'

    def __init__(self, interval: int = 500, samples: int = 2) -> None:
        require(INTERVAL, 'interval of PanelHook', interval)
        require(COUNT, 'samples of PanelHook', samples)
        self.interval, self.samples = interval, samples

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if self.interval < 1 or (runner.iter + 1) % self.interval:
            return
        model = unwrapped(runner.model)
        if not can_draw(model):
            self.interval = -1
            runner.logger.info(f'no panels are drawn of {type(model).__name__}')
            return
        picture = self._draw(runner, model)
        if is_main_process():
            write_atomically(picture, Path(runner.work_dir) / 'panels' / f'iter_{runner.iter + 1}.png')
            _hand_on(runner, picture)

    def _draw(self, runner, model) -> bytes | None:
        """A PNG file; None on other processes than the first."""
        loader = runner.train_loop.dataloader
        dataset, seed = loader.dataset, mix_seed(runner.seed, 'panels')
        with undisturbed(model, seed):
            count = min(self.samples, len(dataset))
            places = [index * len(dataset) // count for index in range(count)]
            items = [dataset[DrawIndex(place, FIRST_DRAW - k, seed)] for k, place in enumerate(places)]
            batch = model.data_preprocessor(loader.collate_fn(items), training=True)
            palette = palette_of(dataset)
            rows = panel_rows(model, batch, palette)
        if not is_main_process():
            return None
        title = f'iteration {runner.iter + 1}, stage {model.stage.name}'
        return draw_panels(rows, dataset.metainfo.get('classes') or (), palette, title, PANEL_INCHES)


def _hand_on(runner, picture: bytes) -> None:
    """Give the picture to TensorBoard and the like; mmengine's local backend would write a second file."""
    image = cv2.cvtColor(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    for backend in runner.visualizer._vis_backends.values():
        if not isinstance(backend, LocalVisBackend):
            backend.add_image('panels', image, step=runner.iter + 1)
