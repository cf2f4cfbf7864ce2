"""Line of an epoch in the log, and shorter forms of it for a narrow terminal."""

from collections.abc import Sequence

from leyden.system.formatting import span


def epoch_forms(
    head: str, train: Sequence[str], val: Sequence[str], seconds: float, is_best: bool = False
) -> tuple[str, ...]:
    """The line of an epoch, then without its time, then without metrics of training, then without others.

    All lines of a run have the same form on a terminal, as the space for the word `best` is reserved in each.

    Args:
        head: such as `epoch  3/15`.
        train: metrics of training with their names, such as `loss 0.1234`; empty texts are left out.
        val: those of the validation; the last one stays longest.
        seconds: duration of the epoch.
    """
    train, val = list(filter(None, train)) or ["–"], list(filter(None, val)) or ["–"]
    took = f"{1000 * seconds:.0f} ms" if seconds < 0.0995 else f"{seconds:.1f} s" if seconds < 100 else span(seconds)
    bodies = (
        f"train {' '.join(train)}  val {' '.join(val)}  {took:>6}",
        f"train {' '.join(train)}  val {' '.join(val)}",
        f"train {train[0]}  val {' '.join(val)}",
        f"train {train[0]}  val {val[-1]}",
        f"train {train[0]}" if val == ["–"] else f"val {val[-1]}",
    )
    return tuple(f"{head}  {body}{'  best' if is_best else '      '}" for body in bodies)
