"""How long until there is a window, and until there is something in it: `python tests/benchmarks/startup.py`.

Every start is a process of its own, and the two contestants take turns: a bare Qt window, and the application as
`python main.py --fresh` starts it, with the times taken from outside. Needs a screen (Xvfb will do); without one it
measures offscreen and says so.

    python tests/benchmarks/startup.py [--runs 15] [--quick] [--panel NAME]
"""

import os
import sys
import time

# Nothing more is imported here: a contestant's process must not have loaded what it is to be timed with.
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PAINTED_GOAL, _READY_GOAL = 1.3, 4.0
_IMPORTS_SHOWN = 8
_STAGES = {
    "began": "interpreter",
    "imported": "imports before the window: command line, Qt's widgets, our shell",
    "application": "QApplication",
    "shown": "look and shell: theme, style sheet, rail, menus; show()",
    "painted": "from there to the first paint",
    "ready": "the first panel: imports, widgets, plots",
    "framed": "from there to its first frame, computed and painted",
}


def _now():
    return time.monotonic()  # one clock for all processes


def _watch(window, marks, name, done=None):
    """Note the time when `window` has been painted for the first time and the event loop goes on."""
    from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Paint and name not in marks:
                marks[name] = _now()  # a later one comes in its place once the picture is flushed
                QCoreApplication.postEvent(self, QEvent(QEvent.Type.User), Qt.EventPriority.HighEventPriority.value)
            return False

        def event(self, event):
            if event.type() != QEvent.Type.User:
                return super().event(event)
            marks[name] = _now()
            if done:
                done()
            return True

    watch = Watch(window)
    window.installEventFilter(watch)


def _finish(marks):
    import json

    print("marks", json.dumps(marks), flush=True)
    os._exit(0)


def start_bare(marks):
    """Open an empty window."""
    from PySide6.QtWidgets import QApplication, QMainWindow

    marks["imported"] = _now()
    app = QApplication(sys.argv[:1])
    marks["application"] = _now()
    window = QMainWindow()
    window.resize(1280, 800)
    _watch(window, marks, "painted", lambda: _finish(marks))
    window.show()
    marks["shown"] = _now()
    app.exec()


def start_app(marks, panel):
    """Start the application through `main.main`, with hooks between its own steps."""
    sys.path.insert(0, _ROOT)
    import main

    ours = main._open_window

    def open_window(options):
        from gui import application  # as `main` is about to

        marks["imported"] = _now()
        _hook(application, marks)
        return ours(options)

    main._open_window = open_window
    main.main(["--fresh", *(["--preset", panel] if panel else [])])


def _hook(application, marks):
    class Application(application.QApplication):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            marks["application"] = _now()

    class Window(application.MainWindow):
        def show(self):
            _watch(self, marks, "painted")
            self.ready.connect(self._note_ready)
            super().show()
            marks["shown"] = _now()

        def _note_ready(self):
            marks["ready"] = _now()
            self.current().player.shown.connect(self._note_frame)

        def _note_frame(self):
            if "drawn" not in marks:
                marks["drawn"] = _now()
                _watch(self.current().view.graphics.viewport(), marks, "framed", lambda: _finish(marks))

    application.QApplication, application.MainWindow = Application, Window


def _child(kind, panel):
    marks = {"began": _now()}
    if kind == "bare":
        start_bare(marks)
    else:
        start_app(marks, panel)


# From here on, the process that starts the others and reports.


def run_once(kind, panel, *options):
    """Start one contestant; return its marks, in seconds since it was started, and its standard error."""
    import json
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as settings:  # --fresh must not empty the user's own
        environment = {**os.environ, "XDG_CONFIG_HOME": settings}
        command = [sys.executable, *options, os.path.abspath(__file__), "--child", kind, "--panel", panel]
        begun = _now()
        found = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    line = next((line for line in found.stdout.splitlines() if line.startswith("marks ")), None)
    if line is None:
        raise SystemExit(f"{kind}: no window came up\n{found.stderr}")
    return {name: at - begun for name, at in json.loads(line[6:]).items()}, found.stderr


def measure(runs, panel):
    """Let the contestants take turns; the first start of each only fills the disk's cache."""
    found = {"bare": [], "app": []}
    for turn in range(runs + 1):
        for kind, marks in found.items():
            once, _ = run_once(kind, panel)
            if turn:
                marks.append(once)
    return found


def report(found):
    """Print the figures with their goals, then where the time goes; return whether every goal is reached."""
    from statistics import median

    bare = median(marks["painted"] for marks in found["bare"])
    reached = []
    print(f"{'what':<42}{'ms':>8}{'ratio':>8}{'spread':>16}{'goal':>8}  reached")
    print(f"{'bare Qt window painted':<42}{1000 * bare:>8.0f}")
    for label, mark, goal in (
        ("first window painted", "painted", _PAINTED_GOAL),
        ("first panel ready, its frame painted", "framed", _READY_GOAL),
    ):
        ratios = sorted(a[mark] / b["painted"] for a, b in zip(found["app"], found["bare"], strict=True))
        ratio, quarter = median(ratios), len(ratios) // 4
        spread = f"{ratios[quarter]:.2f} to {ratios[-1 - quarter]:.2f}"
        reached.append(ratio <= goal)
        shown = 1000 * median(marks[mark] for marks in found["app"])
        verdict = "yes" if reached[-1] else "NO"
        print(f"{label:<42}{shown:>8.0f}{ratio:>8.2f}{spread:>16}{f'<= {goal:g}':>8}  {verdict}")
    _report_stages(found)
    return all(reached)


def _report_stages(found):
    """Print what each stage takes; where a panel comes before the first paint, the stages stand in that order."""
    columns = {kind: _stage_times(runs) for kind, runs in found.items()}
    print(f"\n{'stage, median ms':<70}{'bare':>6}{'app':>6}")
    for mark in columns["app"]:
        cells = [f"{columns[kind][mark]:>6.0f}" if mark in columns[kind] else " " * 6 for kind in found]
        print(f"{_STAGES[mark]:<70}{''.join(cells)}")


def _stage_times(runs):
    """Return the median ms of each stage that a contestant has, in the order of their ends."""
    from statistics import median

    ends = sorted((mark for mark in _STAGES if mark in runs[0]), key=lambda mark: median(run[mark] for run in runs))
    starts = [None, *ends]
    return {
        end: 1000 * median(run[end] - run.get(start, 0.0) for run in runs)
        for start, end in zip(starts, ends, strict=False)
    }


def report_imports(panel):
    """Print which packages' imports take longest, one run under -X importtime, each with what it pulled in first."""
    _, errors = run_once("app", panel, "-X", "importtime")
    own = {}
    order = []
    for line in errors.splitlines():
        parts = line.removeprefix("import time:").split("|")
        if not line.startswith("import time:") or not parts[0].strip().isdigit():
            continue
        name = parts[2].strip()
        package = name if name.startswith("PySide6.") else name.split(".")[0]
        own[package] = own.get(package, 0) + int(parts[0])
        order.append(name)
    largest = sorted(own.items(), key=lambda item: -item[1])[:_IMPORTS_SHOWN]
    print("\nimports, own ms: " + ", ".join(f"{name} {us / 1000:.0f}" for name, us in largest))
    heavy = [name for name in ("numpy", "pyqtgraph", "contourpy") if name in order]
    shell = order.index("gui.main_window") if "gui.main_window" in order else len(order)
    early = [name for name in heavy if order.index(name) < shell]
    print(f"imported before the first window: {', '.join(early) if early else 'neither NumPy nor pyqtgraph'}")


def main():
    """Measure and report; the exit status is 1 where a goal is missed."""
    import argparse

    parser = argparse.ArgumentParser(description="Measure the start of the application against its goals.")
    parser.add_argument("--runs", type=int, default=15, help="starts of each contestant")
    parser.add_argument("--quick", action="store_true", help="five starts of each")
    parser.add_argument("--panel", default="", help="a preset to start at, instead of the first panel")
    options = parser.parse_args()
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    load = f", load before: {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.environ.get('QT_QPA_PLATFORM') or 'a real window'}, {os.cpu_count()} cores{load}\n")
    reached = report(measure(5 if options.quick else options.runs, options.panel))
    report_imports(options.panel)
    return 0 if reached else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], sys.argv[4])
    else:
        sys.exit(main())
