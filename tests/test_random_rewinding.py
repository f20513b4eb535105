"""Runs that go to and fro at random against runs that nobody interrupted: the same bits, whatever came in between.

Tiny networks, with many checkpoints, few or none, on one to three threads, also through a session file. A failure
says its seed and what was done.
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from core.checkpoints import Checkpoints
from core.optimizers import OPTIMIZERS
from core.presets import PRESETS, build, preset
from core.session import PanelState, Session, read_session, write_session
from core.watching import Watch

SEQUENCES = 12  # in each of the parts below; by hand: 1000 and more
IMAGES = ((60, 20), (20, 700), (33, 11))  # the second is measured beside the training
LANES = {
    "optimizer-mnist": tuple(OPTIMIZERS),
    "init-mnist": ("zeros", "normal-1", "xavier", "he", "normal-30"),
    "batchnorm-grid": ("sigma-1-bn", "sigma-1-plain", "sigma-0.1-plain", "sigma-he-bn", "sigma-0.01-bn"),
    "regularization": ("plain", "l2-0.1", "p-0.2", "p-0.5"),
}
LIVE = {"l2": (0.0, 0.1, 1.0), "l1": (0.0, 0.01), "dropout": (0.0, 0.2, 0.5), "sgd.lr": (0.01, 1.0, 10.0)}
LIVE |= {"sgd.schedule": ("constant", "step", "cosine", "warmup-exponential"), "schedule.every": (2, 15)}
LIVE |= {"adam.schedule": ("constant", "inverse"), "schedule.length": (10, 40), "schedule.warmup": (1, 7)}
LIVE |= {"adam.lr": (0.001, 1.0), "momentum.momentum": (0.5, 0.9), "adam.beta1": (0.5, 0.9)}
RACE = ("rates", "loss", "smoothed", "measured_at", "train_accuracy", "test_accuracy", "weight_norm")
LIVE |= {"nadam.beta1": (0.5, 0.9), "nadam.momentum_decay": (0.0, 0.2), "adamw.wd": (0.0, 1.0)}
SEARCH = ("measured_at", "train_accuracy", "validation_accuracy", "last", "ranking", "stopped")


def bytes_of(found):
    return np.ascontiguousarray(found).tobytes() if isinstance(found, np.ndarray) else found


def everything(run):
    """Return all that a run shows and all that determines what it does next, to the last bit."""
    run.advance(0)  # what is measured before the first update
    frame, state = run.snapshot(), {}
    for block in run._checkpoint().blocks:
        for place, row in enumerate(block.rows):
            state[row, "network"] = block.params[place].tobytes(), block.stats[place].tobytes()
        for own in block.optimizers:
            for place, row in enumerate(own.rows):
                for key, value in own.values.items():
                    state[row, key] = value[place].tobytes() if isinstance(value, np.ndarray) else value
    shown = {name: bytes_of(getattr(frame, name)) for name in (RACE if hasattr(frame, "smoothed") else SEARCH)}
    if hasattr(frame, "flow"):
        shown |= {name: bytes_of(getattr(frame.flow, name)) for name in ("at", "gradient_norm", "update_ratio")}
    rest = run.position, run.total, run.stopped, frame.diverged, frame.changes, dict(run.ended())
    return {**shown, "state": state, "rest": rest}


class Sequence:
    """Does something at random with a run, again and again, and notes what."""

    def __init__(self, seed, name, few_digits, path):
        self.r, self.path, self.done = random.Random(f"{name}/{seed}"), path, []
        self.images = few_digits(*self.r.choice(IMAGES))
        self.configuration = self._configuration(name)
        self.run = self._build(self.configuration)

    def _configuration(self, name):
        r = self.r
        hidden = tuple(r.randint(1, 4) for _ in range(r.choice((1, 1, 2, 20))))
        values = {"hidden": hidden, "batch": r.choice((1, 3, 8)), "evaluate": r.choice((0, 1, 1, 7))}
        if name == "random-search":
            values |= {"trials": r.choice((1, 9, 10)), "epochs": r.choice((3, 8)), "halving": r.random() < 0.7}
            values |= {"images": r.choice((10, 50)), "optimizer": r.choice(("sgd", "adam", "nadam"))}
            values["search.lr"] = r.choice(((1e-3, 1.0), (1.0, 10.0)))
        else:
            values |= {"iterations": r.choice((1, 7, 30, 45)), "seeds": r.choice((1, 1, 3))}
            values["lanes"] = tuple(r.sample(LANES[name], r.randint(1, 4)))
            if name == "optimizer-mnist" and r.random() < 0.4:
                values |= {"sgd.lr": 10.0, "l2": 10.0}  # diverges
            if r.random() < 0.5:
                values["sgd.schedule"] = r.choice(LIVE["sgd.schedule"])
        return preset(name).configuration(values)

    def _build(self, configuration):
        return build(configuration, lambda: self.images, self.r.choice((1, 1, 2, 3)))

    def close(self):
        self.run.close()

    def values(self, most):
        """Return some live values."""
        keys = [p.key for p in self.configuration.parameters if p.live and p.key in LIVE and self.configuration.uses(p)]
        return {key: self.r.choice(LIVE[key]) for key in self.r.sample(keys, min(len(keys), self.r.randint(0, most)))}

    def act(self):
        doings = (
            self.advance,
            self.advance,
            self.change,
            self.branch,
            self.rewind,
            self.look,
            self.reopen,
            self.extend,
        )
        self.r.choice(doings)()

    def note(self, *what):
        self.done.append(what)
        return what[-1]

    def advance(self):
        self.run.advance(self.note("advance", self.r.choice((1, 2, 13, 60))))

    def change(self):
        for key, value in self.note("change", self.values(1)).items():
            self.run.change(key, value)

    def branch(self):
        self.run.branch(self.note("to", self.r.randint(0, self.run.position)), self.note("branch", self.values(2)))

    def rewind(self):
        self.run.rewind(self.note("rewind", self.r.randint(0, self.run.position)))

    def look(self):
        self.run.watch(Watch((self.r.choice(self.run.lanes).name,)))
        given_up = self.r.random() < 0.3
        self.run.look(self.note("look", self.r.randint(0, self.run.position)), lambda: given_up)

    def extend(self):
        if self.configuration.experiment == "training":
            end = (
                self.run.total + self.r.choice((1, 7, 30))
                if self.r.random() < 0.6
                else self.r.randint(1, self.run.total)
            )
            self.run.change("iterations", self.note("iterations", end))

    def reopen(self):
        saved = self.run.save(self.note("save, whole", self.r.random() < 0.6))
        if saved is None:
            return
        if self.note("through a file", self.r.random() < 0.3):
            panel = PRESETS[saved.configuration.preset].panel
            write_session(Session({panel: PanelState(self.configuration, saved, {})}, {}, None), self.path)
            saved = read_session(self.path).panels[panel].run
        before = everything(self.run)
        self.run.close()
        self.run = self._build(saved.configuration)
        self.run.restore(saved)
        assert everything(self.run) == before

    def compare(self):
        """Compare with a run of the same configuration that only goes forward."""
        found = self.run.configuration
        if found.experiment == "training":
            found = replace(found, values={**found.values, "iterations": max(1, self.run.total)})
        other = build(found, lambda: self.images, 1)
        try:
            other.advance(self.run.position)
            mine, wanted = everything(self.run), everything(other)
        finally:
            other.close()
        different = {key: (mine[key], wanted[key]) for key in mine if mine[key] != wanted[key]}
        assert not different, sorted(different)


@pytest.mark.parametrize("name", [*LANES, "random-search"])
def test_whatever_was_done_in_between_the_bits_are_those_of_an_unbroken_run(name, few_digits, tmp_path, monkeypatch):
    make = Checkpoints.__init__
    for seed in range(SEQUENCES):
        room = random.Random(seed).choice((None, 0, 1, 4))  # checkpoints; None for as many as there are otherwise
        with monkeypatch.context() as patch:
            if room is not None:
                patch.setattr(
                    Checkpoints, "__init__", lambda k, size, total, room=room: make(k, size, total, room * size)
                )
            sequence = Sequence(seed, name, few_digits, tmp_path / "run.trainscope")
            try:
                for _ in range(sequence.r.randint(3, 11)):
                    sequence.act()
                sequence.compare()
                sequence.advance()
                sequence.compare()
            except Exception as error:
                raise AssertionError(f"{name}, seed {seed}: {sequence.configuration.values} {sequence.done}") from error
            finally:
                sequence.close()


def test_trials_that_are_equally_good_are_stopped_by_their_number_on_any_number_of_threads(few_digits):
    """Ten validated images tell few trials apart."""
    values = {"hidden": (4,), "batch": 8, "images": 50, "trials": 12, "epochs": 6, "halving": True}
    ended = []
    for threads in (1, 2, 3):
        run = build(preset("random-search").configuration(values), lambda: few_digits(60, 20), threads)
        try:
            run.advance(run.total)
            ended.append((dict(run.ended()), run.snapshot().ranking.tolist()))
        finally:
            run.close()
    assert ended[0] == ended[1] == ended[2]
