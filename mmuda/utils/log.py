"""Lines for the log of a run, or for the terminal where mmengine is not in use."""

import logging
import sys


def log(message: str, level: int = logging.INFO) -> None:
    """Write a line to the log of the current run; without mmengine, warnings go to the terminal.

    Args:
        message: The line.
        level: Of :mod:`logging`.
    """
    if 'mmengine' in sys.modules:
        from mmengine.logging import print_log

        print_log(message, logger='current', level=level)
    elif level >= logging.WARNING:
        print(message, file=sys.stderr)
