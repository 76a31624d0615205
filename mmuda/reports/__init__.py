"""One HTML page about one training or several: gathering what they left, drawing it, and the page's template.

Imports ``experiments``, ``apis`` and what they import, never the reverse.
"""

from mmuda.reports.report import write_report

__all__ = ['write_report']
