"""Reports: a run, several runs or a sweep as one self-contained HTML file. Nothing here imports torch."""

from leyden.reports.comparison import comparison_report
from leyden.reports.page import write_page
from leyden.reports.run_files import RunFiles, read_run
from leyden.reports.run_report import run_report
from leyden.reports.sweep_report import sweep_report

__all__ = ["RunFiles", "comparison_report", "read_run", "run_report", "sweep_report", "write_page"]
