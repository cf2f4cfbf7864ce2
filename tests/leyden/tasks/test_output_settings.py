from typing import Any

from leyden.data.spec import DataSpec
from leyden.tasks.output_settings import with_settings

SPEC = DataSpec("regression", (3,), 2)


def test_a_method_gets_the_settings_that_it_names() -> None:
    def plain(spec: DataSpec) -> int:
        return spec.output_size

    def named(spec: DataSpec, factor: int = 1) -> int:
        return spec.output_size * factor

    def open_to_all(spec: DataSpec, **settings: Any) -> dict[str, Any]:
        return settings

    settings = {"factor": 3, "other": 4}
    assert with_settings(plain, SPEC, settings) == 2
    assert with_settings(named, SPEC, settings) == 6
    assert with_settings(named, SPEC, {}) == 2
    assert with_settings(open_to_all, SPEC, settings) == settings
