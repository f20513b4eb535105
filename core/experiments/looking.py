"""Moments of a saved run, one after another, in an experiment of their own: the run that they are of goes on as it is.

For who wants many of them, such as an animation; a single one is looked for in the run itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from core.experiments.protocol import Experiment
    from core.experiments.saved import SavedRun
    from core.parameters import Configuration
    from core.watching import Sight, Watch


def looks(
    build: Callable[[Configuration], Experiment],
    saved: SavedRun,
    wanted: Watch,
    moments: Iterable[int],
    given_up: Callable[[], bool],
) -> Generator[Sight, None, None]:
    """Yield what is `wanted` at each of the moments, of which those go fastest that rise; nothing once it is given up.

    Whoever takes them ends the iterator, so that the experiment is closed. Raises what building the experiment and
    going on with the run raise, such as NotEnoughMemory.
    """
    run = build(saved.configuration)
    try:
        run.restore(saved)
        run.watch(wanted)
        for position in moments:
            found = run.look(position, given_up)
            if found is None or given_up():
                return
            yield found
    finally:
        run.close()
