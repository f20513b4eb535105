"""The bundled sample, IDX folders in every allowed spelling, and every way in which they can be broken."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core import datasets
from core.datasets import DataError, Dataset, load, load_idx_folder, load_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
ALL_FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def idx_images(count: int, rows: int = 28, columns: int = 28) -> bytes:
    pixels = np.random.default_rng(count).integers(0, 256, count * rows * columns, dtype=np.uint8)
    return struct.pack(">4I", 0x803, count, rows, columns) + pixels.tobytes()


def idx_labels(count: int, shift: int = 0) -> bytes:
    return struct.pack(">2I", 0x801, count) + bytes((index + shift) % 10 for index in range(count))


def write_folder(folder: Path, *, zipped: bool = False, dotted: bool = False, size: tuple[int, int] = (28, 28)) -> Path:
    contents = (idx_images(30, *size), idx_labels(30), idx_images(20, *size), idx_labels(20, shift=3))
    for name, content in zip(ALL_FILES, contents, strict=True):
        path = folder / ((name.replace("-idx", ".idx") if dotted else name) + (".gz" if zipped else ""))
        path.write_bytes(gzip.compress(content) if zipped else content)
    return folder


def content_of(dataset: Dataset) -> str:
    return dataset.identity().rpartition(" ")[2]


# The sample


def test_sample_has_the_promised_sizes_and_types() -> None:
    sample = load_sample()
    assert (sample.name, sample.shape, sample.pixels, sample.classes) == ("sample", (28, 28), 784, 10)
    assert sample.train_images.shape == (4000, 784) and sample.train_labels.shape == (4000,)
    assert sample.test_images.shape == (1000, 784) and sample.test_labels.shape == (1000,)
    assert sample.train_images.dtype == sample.test_images.dtype == np.uint8
    assert sample.train_labels.dtype == sample.test_labels.dtype == np.intp


def test_sample_is_the_documented_one() -> None:
    text = (datasets.SAMPLE_PATH.parent / "MNIST.md").read_text(encoding="utf-8")
    assert content_of(load_sample()) in text
    assert f"{len(load_sample().used_pixels())} of the 784 pixels" in text


def test_split_is_balanced() -> None:
    sample = load_sample()
    assert np.bincount(sample.train_labels).tolist() == [400] * 10
    assert np.bincount(sample.test_labels).tolist() == [100] * 10


@pytest.mark.parametrize("count", [100, 300, 500, 1000, 4000])
def test_first_images_are_balanced(count: int) -> None:
    assert np.bincount(load_sample().train_labels[:count]).tolist() == [count // 10] * 10


def test_training_images_are_well_mixed() -> None:
    labels = load_sample().train_labels.reshape(400, 10)
    places = np.stack([np.bincount(labels[:, place], minlength=10) for place in range(10)])
    assert 15 < places.min() and places.max() < 70  # 40 of each class expected at each place in the ten
    assert 20 < (labels[1:, 0] == labels[:-1, 0]).sum() < 65  # no slow drift from one ten to the next: 40 expected


def test_no_image_is_in_both_halves() -> None:
    sample = load_sample()
    train, test = ({image.tobytes() for image in images} for images in (sample.train_images, sample.test_images))
    assert (len(train), len(test), len(train & test)) == (4000, 1000, 0)


def test_labels_belong_to_their_images() -> None:
    sample = load_sample()
    train, test = sample.train_images / 255.0, sample.test_images / 255.0
    distances = (test**2).sum(1)[:, None] - 2 * test @ train.T + (train**2).sum(1)
    nearest = sample.train_labels[distances.argmin(axis=1)]
    assert (nearest == sample.test_labels).mean() > 0.92


def test_a_missing_sample_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets, "SAMPLE_PATH", tmp_path / "mnist_sample.npz")
    with pytest.raises(DataError, match=r"mnist_sample\.npz: cannot be read"):
        load_sample.__wrapped__()


@pytest.mark.parametrize("kept", [0, 1, 400_000, 834_000])
def test_a_damaged_sample_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kept: int) -> None:
    whole = datasets.SAMPLE_PATH.read_bytes()
    (tmp_path / "mnist_sample.npz").write_bytes(whole[:kept])
    monkeypatch.setattr(datasets, "SAMPLE_PATH", tmp_path / "mnist_sample.npz")
    with pytest.raises(DataError, match=r"mnist_sample\.npz: cannot be read"):
        load_sample.__wrapped__()


# The data set


def test_arrays_are_read_only(tmp_path: Path) -> None:
    for dataset in (load_sample(), load_idx_folder(write_folder(tmp_path))):
        arrays = (dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels)
        for array in (*arrays, dataset.used_pixels()):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1
    with pytest.raises(FrozenInstanceError):
        load_sample().name = "other"  # type: ignore[misc]


def test_building_a_data_set_leaves_the_arrays_of_the_caller_alone() -> None:
    images, labels = np.ones((10, 784), np.uint8), np.arange(10)
    Dataset("own", images, labels, images, labels)
    assert images.flags.writeable and labels.flags.writeable


def test_used_pixels_are_those_of_training_and_test_images() -> None:
    train, test = np.zeros((2, 784), np.uint8), np.zeros((1, 784), np.uint8)
    train[1, 300], train[0, 5], test[0, 7] = 255, 1, 2
    dataset = Dataset("own", train, np.zeros(2, np.intp), test, np.zeros(1, np.intp))
    assert dataset.used_pixels().tolist() == [5, 7, 300]
    assert dataset.used_pixels() is dataset.used_pixels()
    assert dataset.used_pixels().dtype == np.intp


def test_packed_images_are_those_of_the_used_pixels() -> None:
    sample = load_sample()
    packed = sample.packed()
    assert packed.inputs is sample.used_pixels() and packed is sample.packed()
    for found, images in ((packed.train, sample.train_images), (packed.test, sample.test_images)):
        assert found.flags.c_contiguous and found.dtype == np.uint8 and not found.flags.writeable
        assert np.array_equal(found, images[:, sample.used_pixels()])


def test_threads_share_the_packed_images() -> None:
    images, labels = np.ones((20_000, 784), np.uint8), np.zeros(20_000, np.intp)
    dataset = Dataset("own", images, labels, images[:1], labels[:1])
    together = threading.Barrier(8)

    def ask(_number: int) -> int:
        together.wait()
        return id(dataset.packed().train)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_identity_describes_and_hashes_the_content() -> None:
    images, labels = np.full((2, 6), 9, np.uint8), np.array([1, 2])
    dataset = Dataset("own", images, labels, images[:1], labels[:1], (2, 3))
    stored = struct.pack(">4I", 2, 1, 2, 3) + bytes([9] * 12 + [1, 2] + [9] * 6 + [1])
    digest = hashlib.sha256(stored).hexdigest()
    assert dataset.identity() == f"own: 2 training and 1 test images of 2x3, sha256 {digest}"


def test_identity_changes_with_one_pixel_and_one_label() -> None:
    sample = load_sample()
    images, labels = sample.test_images.copy(), sample.test_labels.copy()
    images[3, 400] ^= 1
    labels[3] = (labels[3] + 1) % 10
    pixel = Dataset("sample", sample.train_images, sample.train_labels, images, sample.test_labels)
    label = Dataset("sample", sample.train_images, sample.train_labels, sample.test_images, labels)
    assert len({content_of(dataset) for dataset in (sample, pixel, label)}) == 3


def test_the_source_loads_a_data_set_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    write_folder(folder)
    monkeypatch.chdir(tmp_path)
    found = load("./full")
    assert (load_sample().source, found.source) == ("sample", str(folder))
    monkeypatch.chdir(folder)
    assert load(found.source).identity() == found.identity()


# Folders


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("dotted", [False, True])
def test_folder_in_every_spelling(tmp_path: Path, zipped: bool, dotted: bool) -> None:
    dataset = load_idx_folder(write_folder(tmp_path, zipped=zipped, dotted=dotted))
    assert dataset.name == tmp_path.name
    assert dataset.train_images.dtype == np.uint8 and dataset.train_labels.dtype == np.intp
    assert dataset.train_images.tobytes() == idx_images(30)[16:]
    assert dataset.test_images.tobytes() == idx_images(20)[16:]
    assert dataset.train_labels.tolist() == [index % 10 for index in range(30)]
    assert dataset.test_labels.tolist() == [(index + 3) % 10 for index in range(20)]
    assert dataset.train_images.shape == (30, 784) and dataset.test_images.shape == (20, 784)


def test_spellings_may_be_mixed_and_have_one_identity(tmp_path: Path) -> None:
    plain = load_idx_folder(write_folder(tmp_path))
    (tmp_path / TEST_IMAGES).rename(tmp_path / "t10k-images.idx3-ubyte")
    (tmp_path / f"{TRAIN_LABELS}.gz").write_bytes(gzip.compress((tmp_path / TRAIN_LABELS).read_bytes()))
    (tmp_path / TRAIN_LABELS).unlink()
    assert load_idx_folder(tmp_path).identity() == plain.identity()


def test_a_plain_file_goes_before_its_archive(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(b"never read")
    assert len(load_idx_folder(tmp_path).train_images) == 30


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (20, 24), (64, 64)])
def test_other_image_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    dataset = load_idx_folder(write_folder(tmp_path, size=size))
    assert dataset.shape == size
    assert dataset.train_images.shape == (30, dataset.pixels) == (30, size[0] * size[1])


def test_the_sample_survives_a_round_trip_through_idx_files(tmp_path: Path) -> None:
    sample = load_sample()
    for part, images, labels in (
        ("train", sample.train_images, sample.train_labels),
        ("t10k", sample.test_images, sample.test_labels),
    ):
        header = struct.pack(">4I", 0x803, len(images), 28, 28)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">2I", 0x801, len(labels))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(header + bytes(labels.tolist()))
    assert content_of(load_idx_folder(tmp_path)) == content_of(sample)


# Broken files: (the file, what becomes of its content, the fault that the message names)


def header(*values: int) -> Callable[[bytes], bytes]:
    return lambda content: struct.pack(f">{len(values)}I", *values) + content[4 * len(values) :]


def cut(count: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:-count]


def replaced(new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: new


BROKEN = {
    "empty file": (TRAIN_IMAGES, replaced(b""), "truncated: 0 bytes"),
    "half a header": (TRAIN_LABELS, replaced(b"\0\0\x08\x01"), "truncated: 4 bytes"),
    "only a header": (TRAIN_IMAGES, lambda content: content[:16], "truncated"),
    "one pixel short": (TRAIN_IMAGES, cut(1), "truncated: 23519 of the 23520 bytes"),
    "one label short": (TEST_LABELS, cut(1), "truncated: 19 of the 20 bytes"),
    "one pixel long": (TEST_IMAGES, lambda content: content + b"\0", "trailing bytes after the 15680"),
    "one label long": (TRAIN_LABELS, lambda content: content + b"\0", "trailing bytes after the 30"),
    "labels for images": (TRAIN_IMAGES, replaced(idx_labels(30)), "wrong magic number 0x00000801"),
    "images for labels": (TRAIN_LABELS, replaced(idx_images(30)), "wrong magic number 0x00000803"),
    "little endian": (TRAIN_IMAGES, replaced(struct.pack("<4I", 0x803, 30, 28, 28)), "wrong magic number 0x03080000"),
    "floats": (TRAIN_IMAGES, header(0xD03), "wrong magic number 0x00000d03"),
    "text": (TEST_LABELS, replaced(b"<!DOCTYPE html><html>"), "wrong magic number 0x3c21444f"),
    "zipped twice": (TRAIN_IMAGES, gzip.compress, "wrong magic number 0x1f8b08"),
    "too many images claimed": (TRAIN_IMAGES, header(0x803, 31), "truncated"),
    "too few images claimed": (TRAIN_IMAGES, header(0x803, 29), "trailing bytes"),
    "wrong width claimed": (TRAIN_IMAGES, header(0x803, 30, 28, 27), "trailing bytes"),
    "wrong height claimed": (TRAIN_IMAGES, header(0x803, 30, 29, 28), "truncated"),
    "no images": (TRAIN_IMAGES, replaced(idx_images(0)), "empty"),
    "no labels": (TEST_LABELS, replaced(idx_labels(0)), "empty"),
    "images without width": (TEST_IMAGES, header(0x803, 20, 28, 0), "images of 28x0"),
    "images too wide": (TEST_IMAGES, replaced(idx_images(2, 28, 65)), "images of 28x65"),
    "images too high": (TEST_IMAGES, replaced(idx_images(2, 65, 28)), "images of 65x28"),
    "2^32 images": (TRAIN_IMAGES, header(0x803, 2**32 - 1), "header claims 3367254359280 bytes"),
    "2^32 labels": (TRAIN_LABELS, header(0x801, 2**32 - 1), "header claims 4294967295 bytes"),
    "2^96 bytes": (TRAIN_IMAGES, header(0x803, *[2**32 - 1] * 3), "images of 4294967295x4294967295"),
    "500 MB claimed": (TRAIN_IMAGES, header(0x803, 650_000), "truncated"),
    "label 10": (TRAIN_LABELS, replaced(idx_labels(30)[:-1] + b"\n"), "label 10 at position 29"),
    "label 255": (TEST_LABELS, replaced(idx_labels(20)[:-1] + b"\xff"), "label 255 at position 19"),
    "too many labels": (TRAIN_LABELS, replaced(idx_labels(31)), f"31 labels for the 30 images of {TRAIN_IMAGES}"),
    "too few labels": (TEST_LABELS, replaced(idx_labels(19)), f"19 labels for the 20 images of {TEST_IMAGES}"),
    "test images of another size": (TEST_IMAGES, replaced(idx_images(20, 28, 20)), "28x20, but the training images"),
}


def assert_refused(folder: Path, name: str, fault: str) -> None:
    with pytest.raises(DataError) as caught:
        load(str(folder))
    message = str(caught.value)
    assert message.startswith(f"{folder / name}: ")
    assert fault in message
    assert "; allowed: " in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize(("name", "damage", "fault"), BROKEN.values(), ids=BROKEN)
def test_broken_content(tmp_path: Path, name: str, damage: Callable[[bytes], bytes], fault: str, zipped: bool) -> None:
    path = write_folder(tmp_path, zipped=zipped) / (name + (".gz" if zipped else ""))
    content = path.read_bytes()
    path.write_bytes(gzip.compress(damage(gzip.decompress(content))) if zipped else damage(content))
    assert_refused(tmp_path, path.name, fault)


BROKEN_GZIP = {
    "not gzip": lambda content: gzip.decompress(content),
    "header cut": lambda content: content[:5],
    "stream cut": lambda content: content[: len(content) // 2],
    "trailer cut": cut(3),
    "wrong checksum": lambda content: content[:-8] + bytes(4) + content[-4:],
    "wrong length": lambda content: content[:-4] + bytes(4),
    "damaged stream": lambda content: content[:40] + b"\xff" * 40 + content[80:],
    "not deflate": lambda content: content[:10] + b"\x07" + content[11:],
    "junk after the end": lambda content: content + b"junk",
}


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize("damage", BROKEN_GZIP.values(), ids=BROKEN_GZIP)
def test_broken_gzip(tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    path = write_folder(tmp_path, zipped=True) / f"{name}.gz"
    path.write_bytes(damage(path.read_bytes()))
    assert_refused(tmp_path, path.name, "broken gzip data")


@pytest.mark.parametrize("claimed", [30, 60_000, 650_000])
def test_neither_a_gzip_bomb_nor_a_false_header_takes_memory(tmp_path: Path, claimed: int) -> None:
    path = write_folder(tmp_path, zipped=True) / f"{TRAIN_IMAGES}.gz"
    blown_up = 0 if claimed > 30 else 100 * 2**20
    path.write_bytes(gzip.compress(struct.pack(">4I", 0x803, claimed, 28, 28) + bytes(blown_up), compresslevel=1))
    tracemalloc.start()
    try:
        assert_refused(tmp_path, path.name, "truncated" if claimed > 30 else "trailing bytes")
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()


# Folders and files that are not there, not files, or not readable


@pytest.mark.parametrize("name", ALL_FILES)
def test_missing_file(tmp_path: Path, name: str) -> None:
    (write_folder(tmp_path) / name).unlink()
    assert_refused(tmp_path, name, "no such file")


@pytest.mark.parametrize("name", ALL_FILES)
@pytest.mark.parametrize("end", ["", ".gz"])
def test_folder_in_place_of_a_file(tmp_path: Path, name: str, end: str) -> None:
    (write_folder(tmp_path) / name).unlink()
    (tmp_path / (name + end)).mkdir()
    assert_refused(tmp_path, name + end, "a folder or a device in place of a file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    (write_folder(tmp_path) / TRAIN_IMAGES).unlink()
    os.mkfifo(tmp_path / TRAIN_IMAGES)
    assert_refused(tmp_path, TRAIN_IMAGES, "a folder or a device in place of a file")


def test_broken_link(tmp_path: Path) -> None:
    (write_folder(tmp_path) / TEST_IMAGES).unlink()
    (tmp_path / TEST_IMAGES).symlink_to(tmp_path / "gone")
    assert_refused(tmp_path, TEST_IMAGES, "cannot be read (No such file or directory)")


def test_missing_folder(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none", "", "No such file or directory")


def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    assert_refused(write_folder(tmp_path) / TRAIN_IMAGES, "", "Not a directory")


def test_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no IDX files; allowed: ") as caught:
        load_idx_folder(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: ")


@pytest.mark.parametrize("end", ["", ".gz"])
def test_file_that_the_system_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    write_folder(tmp_path, zipped=bool(end))
    monkeypatch.setattr(datasets, "_open", refuse)
    assert_refused(tmp_path, TRAIN_IMAGES + end, "cannot be read (Permission denied)")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may read everything")
@pytest.mark.parametrize("zipped", [False, True])
def test_file_without_permission(tmp_path: Path, zipped: bool) -> None:
    path = write_folder(tmp_path, zipped=zipped) / (TEST_LABELS + (".gz" if zipped else ""))
    path.chmod(0)
    assert_refused(tmp_path, path.name, "cannot be read (Permission denied)")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may read everything")
@pytest.mark.parametrize(("mode", "fault"), [(0o000, "closed"), (0o100, "closed"), (0o400, TRAIN_IMAGES)])
def test_folder_without_permission(tmp_path: Path, mode: int, fault: str) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    write_folder(folder).chmod(mode)
    try:
        with pytest.raises(DataError, match=rf"{fault}: cannot be \w+ \(Permission denied\); allowed: "):
            load_idx_folder(folder)
    finally:
        folder.chmod(0o700)


def test_a_line_break_in_a_name_does_not_break_the_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_idx_folder(tmp_path / "two\nlines")
    assert len(str(caught.value).splitlines()) == 1


# load


def test_load_reads_the_sample_once() -> None:
    assert load("sample") is load("sample") is load_sample()


def test_load_reads_a_folder_again(tmp_path: Path) -> None:
    before = load(str(write_folder(tmp_path)))
    (tmp_path / TEST_IMAGES).write_bytes(idx_images(10))
    (tmp_path / TEST_LABELS).write_bytes(idx_labels(10))
    assert (len(before.test_images), len(load(str(tmp_path)).test_images)) == (20, 10)


def test_load_names_a_folder_however_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sample"
    folder.mkdir()
    write_folder(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(folder)
    for source in (".", "../sample", "../sample/", str(folder)):
        assert load(source).name == "sample" and len(load(source).train_images) == 30
    assert len(load("~/sample").train_images) == 30


@pytest.mark.parametrize("source", ["", "Sample", "Full", "no/such/folder", "a\0b", "~nobody-here/x", "x" * 5000])
def test_load_refuses_in_one_line_that_says_what_is_allowed(source: str) -> None:
    with pytest.raises(
        DataError, match="; allowed: 'sample', 'full', or a folder with train-images-idx3-ubyte"
    ) as caught:
        load(source)
    assert len(str(caught.value).splitlines()) == 1
