"""Errors that a user can mend, told in one sentence instead of a traceback."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

TRACEBACK_VARIABLE = 'MMUDA_TRACEBACK'


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
    """Whether ``error`` was raised on purpose about something that the user can mend.

    That is: any :class:`UserError`, any missing file, and a ValueError, TypeError, KeyError or FloatingPointError (a
    loss that is not finite) that carries a sentence and comes from a ``raise`` statement of mmuda or of the registries
    (an unknown type in a config). What torch or numpy raise keeps its traceback: nobody could find the place without.
    """
    if isinstance(error, (UserError, FileNotFoundError, NotADirectoryError)):
        return True
    if not isinstance(error, (ValueError, TypeError, KeyError, FloatingPointError)) or ' ' not in str(error):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or not (frames[-1].line or '').lstrip().startswith('raise'):
        return False
    # Counted from site-packages, if it lies there: a checkout named mmuda may hold the environment of all libraries.
    folders = frames[-1].filename.replace(os.sep, '/').rpartition('/site-packages/')[2].split('/')
    return any(name in folders for name in ('mmuda', 'projects', 'registry'))


def describe(error: BaseException) -> str:
    """Message of ``error`` on one line; a KeyError without the quotes that Python puts around it."""
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    return ' '.join(str(message).split())


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
