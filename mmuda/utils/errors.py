"""Errors that a user can fix, reported in one sentence instead of a traceback."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

TRACEBACK_VARIABLE = 'MMUDA_TRACEBACK'
# File errors of the operating system that a user can fix: what is wrong, and the remedy.
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
# What constructors raise for arguments they cannot use.
REFUSALS = (ValueError, TypeError, KeyError, AssertionError, NotImplementedError)
# torch puts the whole traceback of a loading process into the message of the error that it re-raises.
OF_WORKER = re.compile(r'Caught \w+ in .*\.\nOriginal Traceback')


class UserError(ValueError):
    """A user's input is wrong; the message names the file or option, the value and the remedy.

    A command ends with this message alone. Plugins also raise it, for errors that their users can fix.
    """


class NonFiniteError(FloatingPointError):
    """A loss or gradient is not finite; the message names the term or the network.

    Attributes:
        rank: The rank it comes from, if that may be another one than this; None if it is this one.
    """

    def __init__(self, message: str, rank: int | None = None) -> None:
        super().__init__(message)
        self.rank = rank


def is_user_error(error: BaseException) -> bool:
    """Whether the user can fix the cause of ``error``; its type alone decides.

    These are :class:`UserError`, :class:`NonFiniteError`, and file errors of the operating system (missing, full, not
    permitted). Other errors of torch, numpy or a plugin keep their traceback, without which nobody could find the
    cause.
    """
    if isinstance(error, OSError):
        return error.errno in REMEDIES or isinstance(error, (FileNotFoundError, NotADirectoryError))
    return isinstance(error, (UserError, NonFiniteError))


def describe(error: BaseException) -> str:
    """Message of ``error`` on one line, with a remedy if the system or a library gives none."""
    if isinstance(error, OSError) and error.errno is not None:
        reason = REMEDIES.get(error.errno, f'{error.strerror}; check the path')
        return f'{error.filename if error.filename is not None else "a file"}: {reason}'
    # Python puts quotes around the message of a KeyError.
    message = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if OF_WORKER.match(message):
        message = message.rpartition(f'{type(error).__name__}: ')[2]
    return ' '.join(message.split()) or _statement(error)


def _statement(error: BaseException) -> str:
    """The line that raised, for an ``assert`` without a message."""
    frames = traceback.extract_tb(error.__traceback__)
    return (frames[-1].line if frames else None) or type(error).__name__


@contextmanager
def told_of(part: str) -> Iterator[None]:
    """Turn what a constructor raises into a :class:`UserError` that names the part of the config.

    Args:
        part: Name of the class built inside the block.

    Raises:
        UserError: ``part`` refuses the arguments that the config gives it. The cause is kept.
    """
    try:
        yield
    except UserError:
        raise
    except REFUSALS as error:
        raise UserError(f'{part} of the config refuses its arguments: {describe(error)}') from error


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """End the process with one line and status 2 if the user can fix the cause.

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
