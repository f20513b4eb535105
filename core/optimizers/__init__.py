"""First-order optimizers on arrays of any shape: a 2D point, a cloud of points, a stack of networks.

An optimizer is one class in one file of this folder: its declaration (key, label, look, hyperparameters), its rule as
text and its `update`. The files are found by themselves; forms, legends, the command line and the tests follow.
"""

from importlib import import_module
from pkgutil import iter_modules

from core.optimizers.adagrad import AdaGrad
from core.optimizers.adam import Adam
from core.optimizers.base import (
    OPTIMIZERS,
    SCRATCH,
    Array,
    Optimizer,
    State,
    epsilon,
    learning_rate,
    scratch_arrays,
    share,
    state_arrays,
    state_counts,
)
from core.optimizers.momentum import Momentum
from core.optimizers.nesterov import Nesterov
from core.optimizers.rmsprop import RMSprop
from core.optimizers.sgd import SGD

for _found in iter_modules(__path__):
    import_module(f"{__name__}.{_found.name}")

# The chapter's six in its order, then all others by their keys.
_CHAPTER = [_rule.key for _rule in (SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam)]
for _key in (*_CHAPTER, *sorted(OPTIMIZERS.keys() - {*_CHAPTER})):
    OPTIMIZERS[_key] = OPTIMIZERS.pop(_key)

__all__ = [
    "OPTIMIZERS",
    "SCRATCH",
    "SGD",
    "AdaGrad",
    "Adam",
    "Array",
    "Momentum",
    "Nesterov",
    "Optimizer",
    "RMSprop",
    "State",
    "epsilon",
    "learning_rate",
    "scratch_arrays",
    "share",
    "state_arrays",
    "state_counts",
]
