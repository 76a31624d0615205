"""Public benchmarks as they are downloaded: what each download holds, unpacking, checking, and what a config needs.

Imports ``datasets`` and ``utils``. Adding a benchmark is a row of a table: ``aerial.py`` or ``street.py``.
"""
