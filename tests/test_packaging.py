"""What installs the project holds together: the lock, the pins, the script, and who may import whom."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
WINDOW_PACKAGES = {"PySide6", "shiboken6", "pyqtgraph"}


def _declared() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(line) for line in [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]]


def _locked() -> dict[str, Version]:
    """Every pinned distribution; a line that ends in a backslash goes on with its hashes."""
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)[^\n]*\\\n    --hash=sha256:[0-9a-f]{64}", LOCK, re.MULTILINE)
    return {canonicalize_name(name): Version(version) for name, version in pins}


def _run(code: str, *args: str, **options) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter that sees the project and no display."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)} | options.pop("env", {})
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, **options)


def _modules(folder: str) -> list[str]:
    """Dotted names of all modules found on disk under a top-level folder."""
    paths = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / folder).rglob("*.py"))
    return sorted(".".join(part for part in path.parts if part != "__init__") for path in paths)


def _imported(path: Path) -> set[str]:
    """Top-level packages named by any import statement of a file, those inside functions included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


# The lock file


def test_lock_holds_no_address():
    assert "://" not in LOCK
    assert not re.search(r"^\s*(--(extra-)?index-url|--find-links|-[if]\b)", LOCK, re.MULTILINE)


def test_lock_pins_and_hashes_every_line():
    lines = [line for line in LOCK.splitlines() if re.match(r"[A-Za-z]", line)]
    assert len(_locked()) == len(lines) > len(_declared())


@pytest.mark.parametrize("requirement", _declared(), ids=str)
def test_lock_covers_every_dependency(requirement):
    assert requirement.specifier.contains(_locked()[canonicalize_name(requirement.name)])


# Qt's pin


def test_pyside_stays_below_the_version_that_aborts_on_python_3_11():
    pyside = next(r for r in _declared() if r.name == "PySide6-Essentials")
    if SpecifierSet(PROJECT["requires-python"]).contains("3.11"):
        assert not pyside.specifier.contains("6.12.0")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on: nothing to lose")
def test_qt_calls_lose_no_reference_to_none():
    """PySide6 6.12.0 loses one per call that returns nothing; the spare references keep such a run from aborting."""
    code = """if True:
        import sys
        from PySide6.QtCore import QObject
        spare = [None] * 40_000
        thing = QObject()
        before = sys.getrefcount(None)
        for _ in range(20_000):
            thing.setObjectName("")
        print(before - sys.getrefcount(None))
    """
    result = _run(code)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < 100


# Who imports whom: main → gui → core


def test_core_imports_without_qt_in_a_fresh_process():
    code = "import sys, importlib; [importlib.import_module(n) for n in sys.argv[1:]]; print(*sys.modules, sep='\\n')"
    modules = _modules("core")
    result = _run(code, *modules)
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    assert set(modules) <= loaded
    assert not {name.partition(".")[0] for name in loaded} & {*WINDOW_PACKAGES, "gui", "main"}


@pytest.mark.parametrize(
    ("folder", "forbidden"), [("core", {*WINDOW_PACKAGES, "gui", "main"}), ("gui", {"main"})], ids=["core", "gui"]
)
def test_imports_point_one_way(folder, forbidden):
    imported = {path: _imported(path) for path in (ROOT / folder).rglob("*.py")}
    assert imported
    assert {path.name: names & forbidden for path, names in imported.items() if names & forbidden} == {}


# What is installed and what starts it


def test_every_folder_of_code_is_a_package():
    """A folder without `__init__.py` would be another package, or none, once installed."""
    folders = {path.parent for name in ("core", "gui") for path in (ROOT / name).rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_installed_layout_starts_from_anywhere(tmp_path):
    """A wheel puts the checkout's folders below one folder, `trainscope`; `presets` answers from there too."""
    site, elsewhere = tmp_path / "site packages", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("core", "gui", "resources"):
        shutil.copytree(ROOT / name, site / "trainscope" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "main.py", site / "trainscope")
    code = "import sys; from trainscope.main import main; sys.exit(main())"
    result = _run(code, "presets", env={"PYTHONPATH": str(site)}, cwd=elsewhere)
    assert result.returncode == 0, result.stderr
    assert "optimizer-paths" in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no shell scripts")
@pytest.mark.parametrize("script", ["run", ".ci/run"])
def test_scripts_are_executable_and_parse(script):
    assert os.access(ROOT / script, os.X_OK)
    assert subprocess.run(["sh", "-n", ROOT / script], capture_output=True, text=True).stderr == ""
