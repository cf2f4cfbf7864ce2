"""metrics.csv of a run that may be resumed: Lightning's logger would overwrite it."""

import csv
import io
from pathlib import Path

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

from leyden.system.atomic_files import write_text


class MetricsTable(CSVLogger):
    """CSVLogger of Lightning that appends to an existing file; it has the same arguments."""

    @property
    @rank_zero_experiment
    def experiment(self) -> "_AppendingWriter":
        if self._experiment is None:
            Path(self.log_dir).mkdir(parents=True, exist_ok=True)
            self._experiment = _AppendingWriter(self.log_dir)
        return self._experiment  # type: ignore[return-value]


class _AppendingWriter(ExperimentWriter):
    _read = False

    def _check_log_dir_exists(self) -> None:
        pass  # Lightning would delete the file

    def save(self) -> None:
        """Read the header first: a resumed run cuts its file after the logger is created."""
        path = Path(self.metrics_file_path)
        if self.metrics and not self._read and path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                self.metrics_keys = next(csv.reader(file), [])
        self._read = self._read or bool(self.metrics)
        super().save()

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        """Replace the file atomically, so that a kill in the meantime loses no row."""
        path = Path(self.metrics_file_path)
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, fieldnames=fieldnames)
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, text.getvalue())
