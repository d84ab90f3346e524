"""The report of a study: one HTML file with curves, tables, tests and the cells that were found."""

from .page import write_report

__all__ = ["write_report"]
