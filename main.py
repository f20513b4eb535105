"""The command line: opens the window, lists the presets, or exports one without a display.

Qt, NumPy and the panels are imported where they are first needed, so that the first window is painted at once.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

# One BLAS thread: the engine has its own, and two make its small products slower. Must be set before NumPy loads.
for _name in ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM", "BLIS"):
    os.environ.setdefault(f"{_name}_THREADS" if _name.endswith("MAXIMUM") else f"{_name}_NUM_THREADS", "1")

# Installed, the packages lie in one folder `trainscope` beside this file; in a checkout they lie beside it as well.
if str(Path(__file__).resolve().parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).resolve().parent))

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.animation import Film
    from core.datasets import Dataset
    from core.figures import Preset
    from core.parameters import Configuration
    from core.scripts import Script

DATA_FORMATS = ("csv", "json", "npz", "steps")
PICTURES = ("png", "svg", "pdf")
ANIMATIONS = ("gif", "mp4")
SCRIPTS = ("numpy", "torch")
_FILM_SIZE = 960, 600
_STILL = {"inside": "its moments are not recorded; the window computes them anew"}  # panels without animations, and why
_OPTIONS = {"Width": "--size: width", "Height": "--size: height", "Frame rate": "--fps", "Length": "--seconds"}
_COMMANDS = ("presets", "export")
_WITH_VALUE = ("--preset", "--data", "--theme")  # options of the window whose value is the next argument
_FORMATS_HELP = "of csv,json,npz,png,svg,pdf,gif,mp4; steps: of paths; numpy,torch: scripts with the same numbers"
_DATA_HELP = "sample; full, all of MNIST, downloaded once; or a folder of IDX files"


class UsageError(Exception):
    """A wrong argument: one line that says what, where, and what is allowed."""


class _Parser(argparse.ArgumentParser):
    """Reports a wrong argument in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 2 a wrong argument or file, 1 anything else."""
    found = sys.argv[1:] if arguments is None else arguments
    try:
        found, file = _split_file(found)
        session = _session(file) if file is not None else None
        options = _parser().parse_args(found)
        options.file = session
        return int(options.run(options))
    except UsageError as error:
        return _complain(error, 2)
    except KeyboardInterrupt:
        return _complain("stopped", 1)
    except Exception as error:
        # The last stop before the interpreter: one line for the user, the traceback for those who ask for it.
        if "--debug" in found:
            raise
        from core.memory import error_text

        return _complain(f"{error_text(error)} (--debug shows where)", 1)


def _split_file(arguments: list[str]) -> tuple[list[str], str | None]:
    """Take the session to open out of the arguments: the one that is neither an option nor a command."""
    places = iter(enumerate(arguments))
    for place, argument in places:
        if argument in _WITH_VALUE:
            next(places, None)
        elif argument in _COMMANDS:
            break
        elif not argument.startswith("-"):
            return arguments[:place] + arguments[place + 1 :], argument
    return arguments, None


def _session(file: str) -> Path:
    """Return the path of a session that can be opened; a wrong one is refused before a window opens."""
    from core.session import SessionError, read_session

    path = Path(file)
    try:
        read_session(path)
    except SessionError as error:
        commands = "" if path.exists() else f", or a command: {', '.join(_COMMANDS)}"
        raise UsageError(f"{error}{commands}") from None
    return path.absolute()


def _complain(message: object, status: int) -> int:
    line = " ".join(str(message).split())
    print(f"trainscope: {line}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    usage = "trainscope [OPTIONS] [SESSION.trainscope]\n       trainscope COMMAND [OPTIONS]"
    about = "See how a neural network learns."
    parser = _Parser(prog="trainscope", usage=usage, description=about, allow_abbrev=False)
    parser.add_argument("--preset", metavar="NAME", help="open at a preset; `presets` lists them")
    parser.add_argument("--data", metavar="SOURCE", default="sample", help=_DATA_HELP)
    parser.add_argument("--theme", choices=("light", "dark"), help="colours of the window")
    parser.add_argument("--fresh", action="store_true", help="start without the remembered settings")
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.set_defaults(run=_open_window)
    commands = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)
    listing = commands.add_parser("presets", help="list the presets: name, panel, what it shows")
    listing.set_defaults(run=_list_presets)
    _add_export(commands)
    return parser


def _add_export(commands: Any) -> None:
    export = commands.add_parser("export", help="run a preset without a window and write files", allow_abbrev=False)
    export.add_argument("name", metavar="PRESET")
    export.add_argument("--out", metavar="DIR", required=True, type=Path, help="folder for the files; made if needed")
    export.add_argument("--format", metavar="LIST", default="csv,json,png", help=_FORMATS_HELP)
    export.add_argument("--seed", type=_whole("--seed", 0), metavar="N", help="seed of every random draw")
    export.add_argument("--iterations", type=_whole("--iterations", 1), metavar="N", help="updates to make")
    export.add_argument("--seconds", type=_seconds, metavar="S", default=6.0, help="length of an animation")
    export.add_argument(
        "--fps", type=_whole("--fps", 1), metavar="N", default=25, help="its frames per second, at most"
    )
    export.add_argument("--size", type=_size, metavar="WxH", help="its pixels; 960x600 unless it needs more")
    export.add_argument("--data", metavar="SOURCE", default="sample", help=_DATA_HELP)
    export.add_argument("--theme", choices=("light", "dark"), default="light", help="colours of the pictures")
    export.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a parameter")
    export.add_argument("--debug", action="store_true", help="show tracebacks")
    export.set_defaults(run=_export)


def _whole(option: str, low: int) -> Any:
    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise UsageError(f"{option}: {text[:60]!r} is not allowed; allowed: a whole number of at least {low}")
        return value

    return read


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--seconds: {text!r} is not allowed; allowed: a number of seconds") from None


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and len(text) < 20):
        raise UsageError(f"--size: {text[:60]!r} is not allowed; allowed: WIDTHxHEIGHT in pixels, such as 960x600")
    return int(width), int(height)


def _list_presets(_options: argparse.Namespace) -> int:
    from core.presets import PRESETS

    width = max(map(len, PRESETS)) + 2
    panels = max(len(preset.panel) for preset in PRESETS.values()) + 2
    for preset in PRESETS.values():
        print(f"{preset.name:<{width}}{preset.panel:<{panels}}{preset.shows}")
    return 0


def _open_window(options: argparse.Namespace) -> int:
    gc.disable()  # a fifth of the start would go into looking through what imports make; `run` turns it on again
    from gui.application import run

    preset = _named(options.preset) if options.preset else None
    return run(preset, _dataset(options.data), options)


def _dataset(source: str) -> Callable[[], Dataset]:
    """Return what gives the data set; all but the sample is read now, and downloaded if need be.

    So what is wrong with it is said before a window opens.
    """
    from functools import cache

    def read() -> Dataset:
        from core.datasets import DataError, load

        try:
            if source == "full":
                _download()
            return load(source)
        except DataError as error:
            raise UsageError(error) from None

    found = cache(read)
    if source != "sample":
        found()
    return found


def _download() -> None:
    """Fetch the full MNIST unless it is there; Ctrl+C ends it, and what is whole by then is kept."""
    from core.download import Download, have_full

    if have_full():
        return
    shown = sys.stderr.isatty()

    def report(done: int, total: int, _file: str) -> None:
        if shown:
            line = f"full MNIST: {done / 1e6:.1f} of {total / 1e6:.1f} MB"
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)

    try:
        Download().run(report)
    finally:
        if shown:
            print(file=sys.stderr)


def _named(name: str) -> Preset:
    from core.presets import PresetError, preset

    try:
        return preset(name)
    except PresetError as error:
        raise UsageError(error) from None


def _export(options: argparse.Namespace) -> int:
    from core.batch import run_to_end, write
    from core.export import write_script
    from core.terminal import Interrupt, Progress

    preset = _named(options.name)
    configuration = _configuration(preset, options)
    formats = _formats(options.format)
    if "steps" in formats and preset.panel != "paths":
        raise UsageError("--format: 'steps' is not allowed; allowed: with presets of the panel paths")
    films = _films(formats, configuration, options)
    if options.data != "sample" and not preset.uses_images:
        _note(f"{preset.name} uses no images: --data has no effect")
    dataset = _dataset(options.data)() if preset.uses_images else None
    folder = _folder(options.out)
    scripts = _scripts(configuration, dataset, [f for f in formats if f in SCRIPTS])
    for path in dict.fromkeys(path for script in scripts for path in write_script(script, folder)):
        print(path)
    if all(f in SCRIPTS for f in formats):
        return 0
    with Interrupt() as interrupt:
        frame = run_to_end(configuration, dataset, Progress(preset.name), interrupt)
    _tell_sparse(frame, configuration)
    written = write(frame, configuration, dataset, folder, [f for f in formats if f in DATA_FORMATS])
    pictures = [f for f in formats if f in PICTURES]
    if pictures:
        from gui.headless import write_pictures

        written += write_pictures(frame, configuration, folder, pictures, options.theme)
    for path in written:
        print(path)
    for kind in films if frame.position else ():  # none of a run that was stopped before its first update
        print(_write_film(kind, frame, configuration, folder, options))
    if interrupt():
        return _complain(f"stopped after {frame.position} of {frame.total}; the files have what was done until then", 1)
    return 0


def _scripts(configuration: Configuration, dataset: Dataset | None, kinds: list[str]) -> list[Script]:
    """Return the run as scripts, which needs no run."""
    from core.scripts import ScriptError, make_script

    try:
        return [make_script(configuration, dataset, kind) for kind in kinds]
    except ScriptError as error:
        raise UsageError(f"--format: {error}") from None


def _films(formats: list[str], configuration: Configuration, options: argparse.Namespace) -> list[str]:
    """Return the animations among the formats; what cannot be made is refused before the run."""
    from core.animation import NO_VIDEO, have_video

    kinds = [kind for kind in formats if kind in ANIMATIONS]
    panel = _named(configuration.preset).panel
    if kinds and panel in _STILL:
        raise UsageError(f"--format: {kinds[0]!r} is not allowed with presets of the panel {panel}: {_STILL[panel]}")
    if "mp4" in kinds and not have_video():
        raise UsageError(f"--format: mp4 {NO_VIDEO}")
    for kind in kinds:
        _film(kind, configuration.get("iterations") or len(configuration["hidden"]), options)
    return kinds


def _film(kind: str, last: int, options: argparse.Namespace) -> Film:
    from core.animation import AnimationError, film

    try:
        return film(kind, range(last + 1), options.size or _FILM_SIZE, options.seconds, options.fps)
    except AnimationError as error:
        name, _, wrong = str(error).partition(": ")
        raise UsageError(f"{_OPTIONS.get(name, name)}: {wrong}") from None


def _write_film(kind: str, frame: Any, configuration: Configuration, folder: Path, options: argparse.Namespace) -> Path:
    from core.terminal import Interrupt, Progress
    from gui.headless import write_film

    made, progress = _film(kind, frame.position, options), Progress(f"{kind} animation")
    with Interrupt(patient=True) as interrupt:  # an exception amid Qt's painting would end the process

        def report(done: int, total: int, left: float | None) -> None:
            progress(done, total, left)
            if interrupt():
                raise KeyboardInterrupt

        return write_film(frame, configuration, folder, made, options.theme, report, fixed=options.size is not None)


def _tell_sparse(frame: Any, configuration: Configuration) -> None:
    """Say it where accuracies are measured less often than asked for."""
    every = getattr(frame, "measured_every", 0)
    if every > configuration.get("evaluate", 0):
        asked = f"{frame.test_measured:,} test images would take longer to measure at each epoch than training does"
        _note(f"accuracies are measured every {every} epochs: {asked}")


def _configuration(preset: Preset, options: argparse.Namespace) -> Configuration:
    from core.parameters import ParameterError

    texts = dict(_pair(text) for text in options.set)
    declared = {parameter.key for parameter in preset.parameters()}
    if options.iterations is not None:
        texts["iterations"] = str(options.iterations)
    if options.seed is not None and "seed" in declared:
        texts["seed"] = str(options.seed)
    elif options.seed is not None:
        _note(f"{preset.name} draws nothing at random: --seed has no effect")
    try:
        return preset.read(texts)
    except ParameterError as error:
        raise UsageError(error) from None


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise UsageError(f"--set: {text!r} is not allowed; allowed: KEY=VALUE, such as sgd.lr=0.1")
    return key.strip(), value.strip()


def _formats(text: str) -> list[str]:
    allowed = (*DATA_FORMATS, *PICTURES, *ANIMATIONS, *SCRIPTS)
    formats = [part.strip().lower() for part in text.split(",")]
    for part in formats:
        if part not in allowed:
            raise UsageError(f"--format: {part!r} is not allowed; allowed: some of {', '.join(allowed)}")
    return list(dict.fromkeys(formats))


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: {path}: {error.strerror or error}; allowed: a folder that can be written") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(f"--out: {path}: Permission denied; allowed: a folder that can be written")
    return path


def _note(text: str) -> None:
    print(f"trainscope: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
