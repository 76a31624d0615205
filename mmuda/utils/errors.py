"""Errors that a user can mend, told in one sentence instead of a traceback."""

import dis
import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

TRACEBACK_VARIABLE = 'MMUDA_TRACEBACK'
# What the system refuses to do with a file for a reason that its user can take away: what is wrong, and the remedy.
REMEDIES = {
    errno.ENOENT: 'there is nothing at this path; check it or choose another folder',
    errno.ENOTDIR: 'a part of the path is a file; choose another folder',
    errno.EISDIR: 'there is a folder of that name; give the path of a file',
    errno.EEXIST: 'there is a file where a folder should be; choose another folder',
    errno.ELOOP: 'a part of the path is a link to itself; correct the link or choose another folder',
    errno.ENAMETOOLONG: 'the name is too long; choose a shorter one',
    errno.EACCES: 'permission is denied; choose another folder or change its permissions',
    errno.EPERM: 'permission is denied; choose another folder or change its permissions',
    errno.EROFS: 'the file system is read-only; choose another folder',
    errno.ENOSPC: 'the disk is full; free some space or choose another folder',
    errno.EDQUOT: 'the quota of the disk is used up; free some space or choose another folder',
    errno.EFBIG: 'the file is larger than the system allows; raise the limit (ulimit -f) or choose another folder',
    errno.EMFILE: 'too many files are open; raise the limit (ulimit -n) or lower num_workers',
    errno.EIO: 'the disk reports an error; check the disk, or use a copy elsewhere',
}


class UserError(ValueError):
    """What a user gave is wrong; the message names the file or option, the value and the remedy."""


class NonFiniteError(FloatingPointError):
    """A loss or gradient is not finite; the message names the term or the network.

    Attributes:
        rank: The rank it comes from, where another one may have found it; None if it is this one.
    """

    def __init__(self, message: str, rank: int | None = None) -> None:
        super().__init__(message)
        self.rank = rank


def is_user_error(error: BaseException) -> bool:
    """Whether ``error`` is about something that the user can mend.

    That is: any :class:`UserError`; what the system refuses to do with a file (missing, full, not permitted); what a
    registry cannot build since the constructor refuses the config's arguments; and a ValueError, TypeError, KeyError or
    FloatingPointError (a loss that is not finite) that carries a sentence and comes from a ``raise`` statement of mmuda
    or of the registries (an unknown type in a config). What torch or numpy raise keeps its traceback: nobody could find
    the place without.
    """
    if isinstance(error, UserError):
        return True
    if isinstance(error, OSError):
        return error.errno in REMEDIES or isinstance(error, (FileNotFoundError, NotADirectoryError))
    if refusing_class(error) is not None:
        return True
    if not isinstance(error, (ValueError, TypeError, KeyError, FloatingPointError)) or ' ' not in str(error):
        return False
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames or not _is_raised_on_purpose(error):
        return False
    # Counted from site-packages, if it lies there: a checkout named mmuda may hold the environment of all libraries.
    file = frames[-1][0].f_code.co_filename
    folders = file.replace(os.sep, '/').rpartition('/site-packages/')[2].split('/')
    return any(name in folders for name in ('mmuda', 'projects', 'registry'))


def refusing_class(error: BaseException) -> str | None:
    """Name of the class that refused the arguments which a config gave it; None if that is not what happened.

    Either the call from the registry did not fit the constructor, or the constructor itself raised on purpose.
    """
    if not isinstance(error, (ValueError, TypeError, KeyError, AssertionError, NotImplementedError)):
        return None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, TypeError) and frames and _builds(frames[-1]) and not _is_raised_on_purpose(error):
        return frames[-1].f_locals['obj_cls'].__name__
    in_constructor = len(frames) > 1 and _builds(frames[-2]) and frames[-1].f_code.co_name == '__init__'
    if in_constructor and _is_raised_on_purpose(error):
        return frames[-2].f_locals['obj_cls'].__name__
    return None


def _builds(frame: FrameType) -> bool:
    """Whether a frame is a registry's that calls a constructor."""
    return frame.f_code.co_name == 'build_from_cfg' and hasattr(frame.f_locals.get('obj_cls'), '__name__')


def _is_raised_on_purpose(error: BaseException) -> bool:
    """Whether a ``raise`` or ``assert`` statement of Python raised ``error``, not an operation that failed."""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    return last.tb_frame.f_code.co_code[last.tb_lasti] == dis.opmap['RAISE_VARARGS']


def describe(error: BaseException) -> str:
    """Message of ``error`` on one line, with the remedy where the system or a library gives none."""
    if isinstance(error, OSError) and error.errno is not None:
        reason = REMEDIES.get(error.errno, f'{error.strerror}; check the path')
        return f'{error.filename if error.filename is not None else "a file"}: {reason}'
    # Python puts quotes around the message of a KeyError.
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    text = ' '.join(str(message).split())
    refusing = None if isinstance(error, UserError) else refusing_class(error)
    if refusing is None or ('mmuda' in _module_of(error) and text):
        return text
    return f'{refusing} of the config refuses its arguments: {text or _statement(error)}'


def _module_of(error: BaseException) -> str:
    frames = list(traceback.walk_tb(error.__traceback__))
    return frames[-1][0].f_globals.get('__name__', '') if frames else ''


def _statement(error: BaseException) -> str:
    """The line that raised, for an ``assert`` without a message."""
    return traceback.extract_tb(error.__traceback__)[-1].line or type(error).__name__


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """End the process with one line and status 2 where the user can mend the cause.

    Everything else keeps its traceback. ``MMUDA_TRACEBACK=1`` in the environment keeps all of them.

    Example:
        >>> with exit_on_user_error():
        ...     train(load_config('config.py'))
    """
    try:
        yield
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE) == '1' or not is_user_error(error):
            raise
        print(f'error: {describe(error)}\n(set {TRACEBACK_VARIABLE}=1 to see where it comes from)', file=sys.stderr)
        sys.exit(2)
