"""Stages: one config, one run, one resumable history."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from mmengine.config import Config
from mmengine.optim import OptimWrapperDict
from mmengine.runner import IterBasedTrainLoop

# Only the maintained line of mmengine has its `skip_iter`, which advances the sampler without loading.
from mmengine.runner.loops import _InfiniteDataloaderIterator

from mmuda.engine.model_wrapper import unwrapped
from mmuda.models.wrappers import PlanExecutor, Stage
from mmuda.registry import LOOPS
from mmuda.utils.errors import UserError

from .pseudo_labels import PseudoLabels

# Seeds of stages' loaders are this far apart, so that no stage repeats another's draws.
STAGE_SEED_STEP = 100_003
# Entry of the message hub, hence of a checkpoint: the last iteration that was validated.
VALIDATED = 'validated_iter'


@LOOPS.register_module()
class StagedTrainLoop(IterBasedTrainLoop):
    """Iteration-based loop over stages.

    At a stage's first iteration the model gets the stage (terms, weights, trainable parameters, plan) and the loader is
    rebuilt, so that no prefetched batch carries the last stage's crops. The iteration alone determines the stage, so a
    resumed run is in the right stage, at the right position of its loader.

    Args:
        runner: The runner.
        dataloader: Config of the training loader; a stage's ``train_dataloader`` overrides it.
        stages: Configs of :class:`mmuda.models.wrappers.Stage`; each needs ``iters``.
        val_begin: As mmengine's ``IterBasedTrainLoop``.
        val_interval: As mmengine's ``IterBasedTrainLoop``; the last iteration is always validated.

    Raises:
        UserError: If a stage has no length, or names something the model does not have.
    """

    def __init__(self, runner, dataloader: dict, stages: list[dict], val_begin: int = 1, val_interval: int = 1000):
        self.stages = [Stage.from_cfg(stage) for stage in stages]
        unspecified = [stage.name for stage in self.stages if stage.iters is None]
        if unspecified or not self.stages:
            raise UserError(f'train_cfg.stages: the stages {unspecified} have no `iters`; give each its length.')
        self._loader_cfg = copy.deepcopy(dataloader)
        self._seed = runner.seed
        self._stage_index = None
        model = unwrapped(runner.model)
        for stage in self.stages:
            model.check_stage(stage)
            if stage.pseudo_labels:
                PseudoLabels.from_cfg(stage.pseudo_labels, stage.name)
        if self.stages[0].pseudo_labels:
            raise UserError(
                f"Stage '{self.stages[0].name}' is the first and asks for pseudo labels: nothing has been trained yet. "
                'Put a stage of supervised training before it, of one iteration if the run starts from load_from.'
            )
        self._runner = runner
        first = runner.build_dataloader(self._cfg_of(self.stages[0]), seed=self._seed_of(0))
        super().__init__(
            runner,
            first,
            max_iters=sum(stage.iters for stage in self.stages),
            val_begin=val_begin,
            val_interval=val_interval,
        )

    def begin_of(self, index: int) -> int:
        """First iteration of a stage, counted from 0."""
        return sum(stage.iters for stage in self.stages[:index])

    def stage_at(self, iteration: int) -> int:
        """Index of the stage that an iteration belongs to."""
        for index in range(len(self.stages)):
            if iteration < self.begin_of(index + 1):
                return index
        return len(self.stages) - 1

    def _seed_of(self, index: int) -> int:
        return self._seed + index * STAGE_SEED_STEP

    def _cfg_of(self, stage: Stage) -> dict:
        cfg = Config(dict(loader=copy.deepcopy(self._loader_cfg)))
        if stage.train_dataloader:
            cfg.merge_from_dict(dict(loader=self._in_work_dir(stage.train_dataloader)))
        return cfg.loader

    def _in_work_dir(self, value):
        """A config with ``{work_dir}`` in its strings replaced."""
        if isinstance(value, str):
            return value.replace('{work_dir}', self.runner.work_dir)
        if isinstance(value, Mapping):
            return {key: self._in_work_dir(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self._in_work_dir(one) for one in value)
        return value

    def _enter_stage(self, index: int) -> None:
        stage = self.stages[index]
        if stage.pseudo_labels:
            labels = PseudoLabels.from_cfg(self._in_work_dir(stage.pseudo_labels), stage.name)
            labels.ensure(self.runner, stage.name, at_start=self._iter == self.begin_of(index))
        if index > 0:
            self.dataloader = self.runner.build_dataloader(self._cfg_of(stage), seed=self._seed_of(index))
        self.dataloader_iterator = _InfiniteDataloaderIterator(self.dataloader)
        self.dataloader_iterator.skip_iter(self._iter - self.begin_of(index))
        model = unwrapped(self.runner.model)
        model.set_stage(stage)
        self._count_accumulation(index, model)
        self._stage_index = index
        self.runner.logger.info(
            f"Stage '{stage.name}': iterations {self.begin_of(index) + 1} to {self.begin_of(index + 1)}, "
            f'terms {model.active_terms(stage)}'
        )

    def _count_accumulation(self, index: int, model: PlanExecutor) -> None:
        """Restart gradient accumulation at the start of a stage, and complete it at the stage's last iteration.

        mmengine counts the iterations of the run, of which an optimiser may see only some: its phase would differ after
        a resume, and a half-gathered gradient would leak into the first update of the next stage.
        """
        begin, end = self.begin_of(index), self.begin_of(index + 1)
        done = model.count_backwards(self.stages[index], begin, self._iter)
        total = model.count_backwards(self.stages[index], begin, end)
        optim_wrapper = self.runner.optim_wrapper
        if not isinstance(optim_wrapper, OptimWrapperDict):  # one for all steps, whatever name they give it
            optim_wrapper = {name: optim_wrapper for name in total}
        for wrapper in optim_wrapper.values():
            wrapper.zero_grad()
        # Only now: it restores pending gradients, whose parameters another optimiser may own too.
        for name, wrapper in optim_wrapper.items():
            wrapper.initialize_count_status(model, done[name], total[name])

    def _check_stages(self) -> None:
        """Refuse now what a later stage lacks, not only when it begins."""
        model = unwrapped(self.runner.model)
        streams = getattr(self.dataloader.dataset, 'streams', None)
        for stage in self.stages:
            model.check_optimizers(stage, self.runner.optim_wrapper)
            if streams is not None:
                further = (stage.train_dataloader or {}).get('dataset') or {}
                model.check_streams(
                    stage, {*streams, *(name for name in further if isinstance(further[name], Mapping))}
                )

    def run(self):
        """Train; enters each stage at its first iteration."""
        self._check_stages()
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        if self._iter and self._validates() and self.runner.message_hub.get_info(VALIDATED, 0) != self._iter:
            # The resumed checkpoint was written before this validation, which may not have finished.
            self._validate()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            if self.stage_at(self._iter) != self._stage_index:
                self._enter_stage(self.stage_at(self._iter))
            self.run_iter(next(self.dataloader_iterator))
            self._decide_current_val_interval()
            if self._validates():
                self._validate()
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _validate(self) -> None:
        self.runner.val_loop.run()
        self.runner.message_hub.update_info(VALIDATED, self._iter)

    def _validates(self) -> bool:
        if self.runner.val_loop is None:
            return False
        due = self._iter % self.val_interval == 0 or self._iter == self._max_iters
        return self._iter >= self.val_begin and due
