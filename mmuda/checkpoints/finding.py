"""Finds the checkpoint to resume a run from."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from mmengine.logging import print_log

from mmuda.checkpoints.reading import read_checkpoint
from mmuda.utils.errors import UserError
from mmuda.utils.fileio import write_atomically

# Checkpoints that can be resumed from; `best_*.pth` holds no optimiser.
RESUMABLE_NAME = re.compile(r'(?:iter|epoch)_(\d+)\.pth')
# Entries that Runner.resume cannot do without.
RESUMABLE_ENTRIES = ('meta', 'state_dict', 'message_hub', 'optimizer')
COUNTS = ('epoch', 'iter')

# Written with the job's name when it starts, so that a restart by torchrun never takes an older job's checkpoint.
START_MARK = '.started'


def mark_start(work_dir: str | os.PathLike, job: str) -> None:
    """Mark the start of a job; its restarts resume only from what is written after it."""
    write_atomically(job.encode(), Path(work_dir) / START_MARK)


def is_marked(work_dir: str | os.PathLike, job: str) -> bool:
    """Whether :func:`mark_start` was called for this job."""
    mark = Path(work_dir) / START_MARK
    return mark.is_file() and mark.read_text() == job


def find_checkpoint_since_start(work_dir: str | os.PathLike) -> str | None:
    """Newest checkpoint that can be resumed from among those written since :func:`mark_start`; None if none."""
    since = (Path(work_dir) / START_MARK).stat().st_mtime_ns
    return find_checkpoint(work_dir, required=False, since=since)


def find_checkpoint(work_dir: str | os.PathLike, required: bool = True, since: int = 0) -> str | None:
    """Newest checkpoint of a run that can be read and resumed from; logs which one, and why not a newer one.

    The order is: files written after the one that ``last_checkpoint`` names (a run may be killed between the two
    writes), that one, then the rest by time of writing, newest first. ``last_checkpoint`` may hold the path that the
    work directory had before it was moved: only the file name counts then.

    Args:
        work_dir: Folder of the run.
        required: Whether finding none is an error (``False``: resume if there is one).
        since: Ignore files last written before this time, in nanoseconds.

    Returns:
        Its path; None if there is none and none is required.

    Raises:
        UserError: If none can be resumed from and one is required; lists the files and what is wrong with each.
    """
    candidates = [path for path in _resumable_files(Path(work_dir)) if path.stat().st_mtime_ns >= since]
    problems = []
    for path in candidates:
        problem = _why_not_resumable(path)
        if problem is None:
            skipped = f'; newer ones are not usable: {"; ".join(problems)}' if problems else ''
            print_log(f'resuming from {path}, the newest checkpoint that can be read{skipped}', logger='current')
            return str(path)
        problems.append(problem)
    found = '; '.join(problems) if problems else 'it holds no iter_*.pth or epoch_*.pth'
    if not required:
        found = 'this job has written no checkpoint yet' if since else found
        print_log(f'nothing to resume from in {work_dir}: {found}', logger='current')
        return None
    raise UserError(
        f'nothing to resume from in {work_dir}: {found}; name a checkpoint with --resume PATH, start without --resume, '
        'or use --resume auto to start anew where there is none'
    )


def _resumable_files(work_dir: Path) -> list[Path]:
    """Files that a run wrote to be resumed from, in the order in which they are tried."""
    files = {path: path.stat().st_mtime_ns for path in work_dir.glob('*.pth') if RESUMABLE_NAME.fullmatch(path.name)}
    last = _last_saved(work_dir)
    if last is not None:
        files.setdefault(last, last.stat().st_mtime_ns)

    def number(path: Path) -> int:
        match = RESUMABLE_NAME.fullmatch(path.name)
        return int(match.group(1)) if match else -1

    def rank(path: Path) -> tuple[int, int, int]:
        if last is None:
            return 0, files[path], number(path)
        after_last = number(path) > number(last) and files[path] >= files[last]
        return (2 if after_last else 1 if path == last else 0), files[path], number(path)

    return sorted(files, key=rank, reverse=True)


def _last_saved(work_dir: Path) -> Path | None:
    note = work_dir / 'last_checkpoint'
    text = note.read_text(encoding='utf-8').strip() if note.is_file() else ''
    if not text:  # absent, or empty because the run was killed while writing it
        return None
    for path in (work_dir / Path(text).name, Path(text)):
        if path.is_file():
            return path
    return None


def read_resumable(path: str | os.PathLike) -> dict:
    """Read a checkpoint that a run can continue from.

    Raises:
        FileNotFoundError: If there is no such file.
        UserError: If it cannot be read, carries a config, or lacks an entry that resuming needs.
    """
    checkpoint = read_checkpoint(path, resume=True)
    missing = [name for name in RESUMABLE_ENTRIES if not isinstance(checkpoint.get(name), Mapping)]
    counts = checkpoint.get('meta') or {}
    missing += [f'meta.{name}' for name in COUNTS if not missing and not isinstance(counts.get(name), int)]
    if missing:
        raise UserError(
            f'{path} lacks {", ".join(missing)}, so that no run can go on from it; give it as load_from to start a new '
            'one from its weights'
        )
    return checkpoint


def _why_not_resumable(path: Path) -> str | None:
    try:
        read_resumable(path)
    except (UserError, FileNotFoundError) as error:
        return str(error)
    return None
