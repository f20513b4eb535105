"""Animations as files: which moments for how long, the palette, what is read back from GIF and MP4, no half files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.animation import MOST_FRAMES, AnimationError, film, have_video, write_animation
from core.export import ExportError
from core.gif import GifWriter, choose_palette
from tests.test_faults import disk_full_after

needs_video = pytest.mark.skipif(not have_video(), reason="the optional package av is not installed")
PAGE, BLUE, GREY = (255, 255, 255), (0, 114, 178), (95, 107, 122)


def pictures(count, size=(80, 64)):
    """A blue bar that grows on a page with a shaded strip."""
    width, height = size
    for i in range(count):
        made = np.full((height, width, 3), PAGE, np.uint8)
        made[:8] = np.linspace(0, 255, width).astype(np.uint8)[None, :, None]
        made[20:30, : 4 * i + 4] = BLUE
        made[40, 10:20] = GREY
        yield made


def read_back(path):
    """Every frame of a GIF as pixels, and its durations in ms."""
    with Image.open(path) as found:
        frames, durations = [], []
        for i in range(found.n_frames):
            found.seek(i)
            frames.append(np.asarray(found.convert("RGB")))
            durations.append(found.info["duration"])
        return frames, durations, found.info


# Which moments, for how long.


def test_few_moments_are_shown_once_each():
    made = film("gif", range(30), (960, 600), seconds=6.0, rate=25, hold=1.5)
    assert made.positions == tuple(range(30))
    assert made.ticks[:-1] == (20,) * 29 and made.ticks[-1] == 20 + 150
    assert made.seconds == 7.5 and made.rate == 5.0


def test_many_moments_are_picked_evenly_with_both_ends():
    made = film("gif", range(2001), (960, 600), seconds=4.0, rate=25, hold=0.0)
    assert len(made.positions) == 100 and (made.positions[0], made.positions[-1]) == (0, 2000)
    assert set(np.diff(made.positions)) == {20, 21} or set(np.diff(made.positions)) == {20}
    assert made.seconds == 4.0


def test_a_gif_has_the_nearest_rate_in_hundredths_of_a_second():
    made = film("gif", range(1000), (960, 600), seconds=3.0, rate=30, hold=0.0)
    assert set(made.ticks) == {3} and made.rate == pytest.approx(100 / 3) and made.seconds == 3.0


def test_shares_of_the_time_add_up():
    made = film("gif", range(7), (960, 600), seconds=1.0, rate=25, hold=0.0)
    assert sum(made.ticks) == 100 and set(made.ticks) == {14, 15}


def test_a_video_has_frames_of_one_length_and_even_sides():
    made = film("mp4", range(30), (641, 401), seconds=6.0, rate=25, hold=1.0)
    assert made.size == (640, 400) and made.per_second == 25
    assert sum(made.ticks) == 6 * 25 + 25 and set(made.ticks[:-1]) == {5}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"seconds": 0.0}, "Length: 0 is not allowed; allowed: 0.1 to 120"),
        ({"seconds": float("nan")}, "Length: nan is not allowed"),
        ({"rate": 51}, "Frame rate: 51 is not allowed; allowed: 1 to 50"),
        ({"hold": 31.0}, "Hold: 31 is not allowed; allowed: 0 to 30"),
        ({"size": (10, 600)}, "Width: 10 is not allowed; allowed: 64 to 2560"),
        ({"size": (600, 9999)}, "Height: 9999 is not allowed"),
        ({"moments": range(1)}, "one moment is no animation"),
        ({"moments": range(10_000), "seconds": 120.0, "rate": 50}, f"allowed: up to {MOST_FRAMES:,}"),
    ],
)
def test_what_is_refused_says_what_is_allowed(wrong, words):
    with pytest.raises(AnimationError) as found:
        film(**{"kind": "gif", "moments": range(30), "size": (960, 600), **wrong})
    assert words in str(found.value) and "\n" not in str(found.value)


# GIF.


def test_a_gif_reads_back_as_it_was_drawn(tmp_path):
    made = film("gif", range(12), (80, 64), seconds=1.2, rate=10, hold=0.5)
    drawn = list(pictures(12))
    ordered = [drawn[at] for at in made.order]
    write_animation(tmp_path / "a.gif", made, iter(ordered), ["#0072b2", "#5f6b7a", "#ffffff"])
    frames, durations, info = read_back(tmp_path / "a.gif")
    assert durations == [100] * 11 + [600] and info["loop"] == 0
    for shown, wanted in zip(frames, drawn, strict=True):
        assert np.abs(shown.astype(int) - wanted).max() <= 2
        assert (shown[20:30, :4] == BLUE).all() and (shown[40, 10:20] == GREY).all()


def test_what_stands_still_is_one_frame(tmp_path):
    made = film("gif", range(6), (80, 64), seconds=0.6, rate=10, hold=0.0, loop=False)
    still = list(pictures(2))
    write_animation(tmp_path / "a.gif", made, iter([still[0]] * len(made.samples) + [still[0]] * 5 + [still[1]]))
    frames, durations, info = read_back(tmp_path / "a.gif")
    assert durations == [500, 100] and "loop" not in info
    assert (frames[1] != frames[0]).any()


def test_the_palette_keeps_what_must_be_exact_and_what_is_rare():
    rng = np.random.default_rng(0)
    noise = rng.integers(80, 160, (200, 300, 3), dtype=np.uint8)
    noise[0, 0], noise[1, 1] = (255, 0, 0), (0, 255, 255)
    palette = choose_palette([noise], ["#123456", "#ffffff"]).tolist()
    assert len(palette) <= 255
    for colour in ([0x12, 0x34, 0x56], [255, 255, 255], [255, 0, 0], [0, 255, 255]):
        assert colour in palette


def test_a_gif_is_the_nearest_colours_without_dithering():
    gradient = np.zeros((64, 1000, 3), np.uint8)
    gradient[:, :, 0] = np.linspace(0, 255, 1000).astype(np.uint8)
    gradient[:, :, 1] = np.linspace(0, 200, 64).astype(np.uint8)[:, None]
    palette = choose_palette([gradient])
    file = io.BytesIO()
    writer = GifWriter(file, (1000, 64), palette)
    writer.add(gradient, 10)
    writer.close()
    shown = np.asarray(Image.open(file).convert("RGB")).astype(int)
    apart = np.square(gradient.reshape(-1, 1, 3).astype(int)[::37] - palette.astype(int)[None]).sum(axis=-1)
    mine = np.square(gradient.astype(int) - shown).sum(axis=-1).ravel()[::37]
    assert (mine == apart.min(axis=1)).all()


# MP4.


@needs_video
def test_a_video_reads_back_about_as_it_was_drawn(tmp_path):
    import av

    made = film("mp4", range(12), (80, 64), seconds=1.2, rate=20, hold=0.5)
    drawn = list(pictures(12))
    write_animation(tmp_path / "a.mp4", made, iter(drawn))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(stream)]
        assert stream.average_rate == 20 and (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
    assert len(frames) == sum(made.ticks) == 34
    assert np.abs(frames[0] - drawn[0]).mean() < 4 and np.abs(frames[-1] - drawn[-1]).mean() < 4


# No half files.


@pytest.mark.parametrize("kind", ["gif", pytest.param("mp4", marks=needs_video)])
def test_a_full_disk_leaves_no_file(tmp_path, kind):
    made = film(kind, range(12), (80, 64), seconds=1.2, rate=10)
    drawn = list(pictures(12))
    ordered = [drawn[at] for at in made.order]
    with disk_full_after(300), pytest.raises(ExportError, match=f"a.{kind}: cannot be written: File too large"):
        write_animation(tmp_path / f"a.{kind}", made, iter(ordered))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["gif", pytest.param("mp4", marks=needs_video)])
def test_pictures_that_end_early_leave_what_was_there(tmp_path, kind):
    class Enough(Exception):
        pass

    def some():
        yield from pictures(9)
        raise Enough

    (tmp_path / f"a.{kind}").write_bytes(b"before")
    with pytest.raises(Enough):
        write_animation(tmp_path / f"a.{kind}", film(kind, range(12), (80, 64), 1.2, 10), some())
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]
