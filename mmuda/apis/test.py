"""Tests a checkpoint on the test set of a config."""

from contextlib import ExitStack

from mmengine.config import Config

from mmuda.apis.class_checks import check_classes, check_labelled, dataset_of
from mmuda.apis.distributed import init_distributed
from mmuda.apis.prepare import prepare
from mmuda.apis.runner import build_runner, no_early_log, plain_errors
from mmuda.apis.start import start_from
from mmuda.checkpoints.reading import force_safe_loading
from mmuda.engine.model_wrapper import unwrapped
from mmuda.utils.errors import UserError
from mmuda.utils.ranks import sole_job
from mmuda.utils.writing import no_empty_folders


def test(
    cfg: Config,
    checkpoint: str,
    work_dir: str | None = None,
    out: str | None = None,
    show_dir: str | None = None,
    tta: bool = False,
    launcher: str = 'none',
) -> dict[str, float]:
    """Metrics of a checkpoint on the config's test set.

    Args:
        cfg: Config from :func:`mmuda.apis.load_config`.
        checkpoint: Path or URL; parameter names of a plain mmseg checkpoint are mapped as for ``load_from``.
        work_dir: Folder for log and metrics; default: the config's, else ``./work_dirs/<config name>``.
        out: Folder for the predictions, one label map per image on the image's own grid.
        show_dir: Folder for pictures: image, truth if there is one, prediction.
        tta: Average over the config's ``tta_pipeline`` with its ``tta_model``.
        launcher: ``none``, ``pytorch`` or ``slurm``.

    Returns:
        Metrics by name, e.g. ``mIoU`` in percent.

    Raises:
        UserError: If the config has no test set, has one without labels, or lacks what ``tta`` needs; if the checkpoint
            does not fit or holds weights that are not finite; or if another test writes to ``out``.
    """
    force_safe_loading()
    init_distributed(launcher)
    missing = [name for name in ('test_dataloader', 'test_cfg', 'test_evaluator') if not cfg.get(name)]
    if missing:
        raise UserError(f'config {cfg.filename} has no {", ".join(missing)}: there is nothing to test on')
    saving = [dict(type='SavePredictionsHook', out_dir=out, show_dir=show_dir)] if out or show_dir else []
    cfg = prepare(cfg, work_dir, launcher=launcher, start=start_from(checkpoint), tta=tta, hooks=saving)
    with ExitStack() as stack:
        for folder in filter(None, (cfg.work_dir, out, show_dir)):
            stack.enter_context(no_empty_folders(folder))
        stack.enter_context(no_early_log(cfg.work_dir, cfg.filename))
        runner = build_runner(cfg)
        stack.enter_context(plain_errors(runner))
        if out:
            stack.enter_context(sole_job(out, 'being filled by a test'))
        if not tta:
            check_classes(unwrapped(runner.model), dataset_of(runner.test_loop), 'test')
        check_labelled(runner.test_loop, 'test')
        return runner.test()


test.__test__ = False  # pytest would take it for a test where it is imported
