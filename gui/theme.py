"""Two looks of one instrument: colours as data, applied through a palette, a style sheet and tinted icons.

Own palettes over Fusion, because `QStyleHints.setColorScheme` does nothing on several platforms.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QDir, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QIcon, QPainter, QPalette, QPixmap

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

RESOURCES = Path(__file__).resolve().parent.parent / "resources"
FONT_PIXELS = 13

# A concrete family: exported SVG and PDF name it, and "Sans Serif" is none.
_FAMILIES = ("Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "DejaVu Sans")
_NEUTRAL = "#7D8794"  # what the icons' files are drawn in, readable on both looks
_ICON_SIZES = (16, 20, 24, 32, 40, 48)


class Severity(Enum):
    """How much a message matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one look, as `#rrggbb`.

    `window` is behind everything, `surface` under what is edited or read, `raised` under what is pressed or hovered;
    `line` separates, `border` outlines controls, `focus` marks the keyboard's place; `text` and `muted` are read on
    all three grounds, `accent_text` on `accent` only.
    """

    name: str
    window: str
    surface: str
    raised: str
    text: str
    muted: str
    disabled: str
    line: str
    border: str
    accent: str
    accent_text: str
    focus: str
    danger: str
    warning: str
    plot_background: str
    plot_foreground: str
    plot_grid: str

    @property
    def dark(self) -> bool:
        """Whether light text stands on a dark ground."""
        return self.name == "dark"

    def severity(self, severity: Severity) -> str:
        """Return the colour that a message of this severity is written in."""
        return {Severity.INFO: self.muted, Severity.WARNING: self.warning, Severity.ERROR: self.danger}[severity]


LIGHT = Theme(
    name="light",
    window="#F4F5F7",
    surface="#FFFFFF",
    raised="#E8EBEF",
    text="#1A1F26",
    muted="#566070",
    disabled="#A3ABB6",
    line="#DFE3E8",
    border="#C2C8D0",
    accent="#1F5FD0",
    accent_text="#FFFFFF",
    focus="#1F5FD0",
    danger="#B3261E",
    warning="#7F5300",
    plot_background="#FFFFFF",
    plot_foreground="#3B444F",
    plot_grid="#E4E7EB",
)
DARK = Theme(
    name="dark",
    window="#14171C",
    surface="#1C2027",
    raised="#282E37",
    text="#E8EBF0",
    muted="#A0AAB8",
    disabled="#5C6673",
    line="#2C323B",
    border="#464F5B",
    accent="#3370DE",
    accent_text="#FFFFFF",
    focus="#7FB0FF",
    danger="#FF8A80",
    warning="#E8B84A",
    plot_background="#191D23",
    plot_foreground="#C3CAD4",
    plot_grid="#2A3038",
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}

_current = LIGHT


def apply(app: QApplication, theme: Theme) -> None:
    """Give the whole application this look; widgets that draw icons follow the palette's change."""
    global _current
    _current = theme
    QDir.setSearchPaths("icons", [str(RESOURCES / "icons")])
    if app.style().objectName() != "fusion" and not app.styleSheet():
        app.setStyle("Fusion")
    app.setStyleSheet("")  # under a sheet every change of the palette restyles every widget, a second in all
    app.setFont(font())
    app.setPalette(palette(theme))
    app.setStyleSheet(style_sheet(theme))


def current() -> Theme:
    """Return the look that was applied last."""
    return _current


def system_theme() -> Theme:
    """Return the look that the desktop asks for; light where it does not say."""
    return DARK if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT


def font() -> QFont:
    """Return the base font, of the first family of the list that is installed."""
    family = next(filter(QFontDatabase.hasFamily, _FAMILIES), QGuiApplication.font().family())
    found = QFont(family)
    found.setPixelSize(FONT_PIXELS)
    return found


def style_sheet(theme: Theme) -> str:
    """Return the style sheet with the theme's colours filled in."""
    return Template((RESOURCES / "style.qss").read_text(encoding="utf-8")).substitute(asdict(theme))


def palette(theme: Theme) -> QPalette:
    """Return the palette that Fusion and our own painting draw with."""
    role = QPalette.ColorRole
    found = QPalette()
    for name, colour in {
        role.Window: theme.window,
        role.WindowText: theme.text,
        role.Base: theme.surface,
        role.AlternateBase: theme.window,
        role.Text: theme.text,
        role.PlaceholderText: theme.muted,
        role.Button: theme.raised,
        role.ButtonText: theme.text,
        role.BrightText: theme.danger,
        role.Light: theme.surface,
        role.Midlight: theme.raised,
        role.Mid: theme.line,
        role.Dark: theme.border,
        role.Shadow: theme.border,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.accent_text,
        role.Accent: theme.accent,
        role.Link: theme.focus,
        role.LinkVisited: theme.focus,
        role.ToolTipBase: theme.surface,
        role.ToolTipText: theme.text,
    }.items():
        found.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        found.setColor(QPalette.ColorGroup.Disabled, name, QColor(theme.disabled))
    return found


@lru_cache(maxsize=256)
def icon(name: str, theme: Theme, colour: str | None = None) -> QIcon:
    """Return `resources/icons/<name>.svg` in the theme's text colour (or `colour`), greyed where disabled.

    Raises FileNotFoundError for a name that has no file.
    """
    source = (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    found = QIcon()
    modes = (QIcon.Mode.Normal, colour or theme.text), (QIcon.Mode.Disabled, theme.disabled)
    for mode, tint in modes:
        drawing = QByteArray(source.replace(_NEUTRAL, tint).encode())
        for size in _ICON_SIZES:
            found.addPixmap(_drawn(drawing, size), mode)
    return found


def _drawn(drawing: QByteArray, size: int) -> QPixmap:
    from PySide6.QtSvg import QSvgRenderer  # not needed before the first icon

    pixmap = QPixmap(QSize(size, size))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(drawing).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap
