"""How far the writing of files has come, and that it is to end: between the thread that writes and one that waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

_OFTEN = 128  # rows between two looks at what is wanted


class GivenUpError(Exception):
    """Nobody wants the files any more."""


class Writing:
    """Rows `done` of a `total`, 0 while that is not known. One thread writes, any thread reads and gives up."""

    def __init__(self) -> None:
        """Begin with nothing done."""
        self.done = self.total = 0
        self._given_up = False

    def give_up(self) -> None:
        """Have the writing end soon, and leave no file."""
        self._given_up = True

    def go_on(self) -> None:
        """Raise GivenUpError where nobody wants the files any more."""
        if self._given_up:
            raise GivenUpError

    def counted(self, rows: Iterable[Any]) -> Iterator[Any]:
        """Yield the rows while they are wanted, and count them."""
        start, number = self.done, 0
        for number, row in enumerate(rows, 1):
            if number % _OFTEN == 0:
                self.done = start + number
                self.go_on()
            yield row
        self.done = start + number
        self.go_on()

    def watched(self, file: IO[Any]) -> IO[Any]:
        """Return the file as one into which nothing is written once it is not wanted."""
        return cast("IO[Any]", _Watched(file, self))


class _Watched:
    """A file that looks at what is wanted before each write."""

    def __init__(self, file: IO[Any], writing: Writing) -> None:
        self._file, self._writing = file, writing

    def write(self, data: Any) -> int:
        """Write, or raise GivenUpError."""
        self._writing.go_on()
        written: int = self._file.write(data)
        return written

    def __getattr__(self, name: str) -> Any:
        """Be the file in all else."""
        return getattr(self._file, name)
