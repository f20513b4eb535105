"""Networks as parts of a script: layers by hand, with their backward passes, or modules of PyTorch.

Flags say what the networks of a run have: `relu`, `sigmoid`, `tanh`; `batchnorm` (some, told by an argument where
`mixed_batchnorm`); `dropout`; `l2`; `l1`; and what their initial weights are drawn with.
"""

from __future__ import annotations

NUMPY_LAYERS = '''
class Layer:
    """A step of a network: backward turns dL/d(output) into dL/d(input)."""

    def __init__(self):
        self.params, self.grads = {}, {}


class Affine(Layer):
    """y = x W + b."""

    def __init__(self, W, b):
        super().__init__()
        self.params = {"W": W, "b": b}

    def forward(self, x, training):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, d):
        self.grads = {"W": self.x.T @ d, "b": d.sum(axis=0)}
        return d @ self.params["W"].T


#if relu
class ReLU(Layer):
    """y = max(x, 0)."""

    def forward(self, x, training):
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, d):
        return d * (self.y > 0)
#end
#if sigmoid
class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, x, training):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, d):
        return d * self.y * (1 - self.y)
#end
#if tanh
class Tanh(Layer):
    """y = tanh(x)."""

    def forward(self, x, training):
        self.y = np.tanh(x)
        return self.y

    def backward(self, d):
        return d * (1 - self.y * self.y)
#end
#if batchnorm


class BatchNormalization(Layer):
    """y = gamma (x - mean) / sqrt(var + 1e-5) + beta (arXiv:1502.03167).

    Mean and variance are the batch's in training, running averages in prediction;
    these start from the first batch.
    """

    def __init__(self, features):
        super().__init__()
        gamma, beta = np.ones(features, np.float32), np.zeros(features, np.float32)
        self.params = {"gamma": gamma, "beta": beta}
        self.running = None

    def forward(self, x, training):
        if training or self.running is None:
            mean, var = x.mean(axis=0), x.var(axis=0)
        else:
            mean, var = self.running
        if training and self.running is None:
            self.running = mean, var
        elif training:
            old_mean, old_var = self.running
            self.running = 0.9 * old_mean + 0.1 * mean, 0.9 * old_var + 0.1 * var
        self.scale = 1 / np.sqrt(var + 1e-5)
        self.x_hat = (x - mean) * self.scale
        return self.params["gamma"] * self.x_hat + self.params["beta"]

    def backward(self, d):
        self.grads = {"gamma": (d * self.x_hat).sum(axis=0), "beta": d.sum(axis=0)}
        mean_d, mean_dx = d.mean(axis=0), (d * self.x_hat).mean(axis=0)
        centred = d - mean_d - self.x_hat * mean_dx
        return self.params["gamma"] * self.scale * centred
#end
#if dropout


class Dropout(Layer):
    """In training y = x mask, with 0 for what is left out and 1 / (1 - ratio) elsewhere."""

    def forward(self, x, training):
        return x * self.mask if training else x

    def backward(self, d):
        return d * self.mask
#end
#if loss


class SoftmaxWithLoss:
    """The mean cross-entropy of softmax(x) and the right labels."""

    def forward(self, x, labels):
        x = x - x.max(axis=1, keepdims=True)
        total = np.exp(x).sum(axis=1, keepdims=True)
        self.y, self.labels = np.exp(x) / total, labels
        return np.mean(np.log(total[:, 0]) - x[np.arange(len(x)), labels])

    def backward(self):
        d = self.y.copy()
        d[np.arange(len(d)), self.labels] -= 1
        return d / len(d)
#end
'''

INITIAL = '''
#if he
def he(n_in):
    """The standard deviation of He's initial weights (arXiv:1502.01852)."""
    return np.sqrt(2 / n_in)
#end
#if xavier and he


#end
#if xavier
def xavier(n_in):
    """The standard deviation of Xavier's initial weights (Glorot and Bengio, 2010)."""
    return np.sqrt(1 / n_in)
#end
'''

NUMPY_NETWORK = '''
class MultiLayerNet:
    """$about

    The random numbers that become the initial weights depend on the seed and the layer
    alone, so all networks start from the same ones.
    """

$head
#if l2 and l1
        self.l2, self.l1 = l2, l1
#else
#if l2
        self.l2 = l2
#end
#if l1
        self.l1 = l1
#end
#end
#if dropout
        self.name, self.seed, self.dropout = name, seed, dropout
#end
        self.layers = []
        for number, (n_in, n_out) in enumerate(pairwise((PIXELS, *HIDDEN, CLASSES))):
            draws = np.random.default_rng([seed, WEIGHTS, number])
#if std_of_two_kinds
            sigma = std(n_in) if callable(std) else std
#end
            W = $std * draws.standard_normal((n_in, n_out))
            b = np.zeros(n_out, np.float32)
            self.layers.append(Affine(W.astype(np.float32), b))
            if number < len(HIDDEN):
#if mixed_batchnorm
                if batchnorm:
                    self.layers.append(BatchNormalization(n_out))
#else
#if batchnorm
                self.layers.append(BatchNormalization(n_out))
#end
#end
                self.layers.append($activation())
#if dropout
                self.layers.append(Dropout())
#end
        self.last_layer = SoftmaxWithLoss()
        self.params = self.by_name("params")

    def by_name(self, what):
        """Return the parameters, or their gradients, of all layers: W0, b0, …"""
        return {
            f"{key}{number}": value
            for number, layer in enumerate(self.layers)
            for key, value in getattr(layer, what).items()
        }

    def predict(self, x, training=False):
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def loss(self, x, labels):
        return self.last_layer.forward(self.predict(x, training=True), labels)

    def gradient(self):
        """Return the gradients of the loss just computed$decayed."""
        d = self.last_layer.backward()
        for layer in reversed(self.layers):
            d = layer.backward(d)
#if l2 or l1
        grads = self.by_name("grads")
        for key, W in self.params.items():
            if key.startswith("W"):
#if l2 and l1
                grads[key] += self.l2 * W + self.l1 * np.sign(W)
#else
#if l2
                grads[key] += self.l2 * W
#else
                grads[key] += self.l1 * np.sign(W)
#end
#end
        return grads
#else
        return self.by_name("grads")
#end
#if dropout

    def draw_masks(self, iteration):
        """Choose which units the next update leaves out: those with small random numbers."""
        sizes = [BATCH * units for units in HIDDEN]
        key = zlib.crc32(self.name.encode())
        random = np.random.PCG64([self.seed, MASKS, key, iteration])
        bits = random.random_raw(-(-sum(sizes) // 4)).view(np.uint16)  # 16 bits a unit
        stays = bits[: sum(sizes)] >= round(65536 * self.dropout)
        scale = np.float32(1 / (1 - self.dropout))
        dropouts = [layer for layer in self.layers if isinstance(layer, Dropout)]
        for layer, part in zip(dropouts, np.split(stays, np.cumsum(sizes)[:-1])):
            layer.mask = part.reshape(BATCH, -1) * scale
#end
'''

TORCH_LAYERS = '''
#if batchnorm
class BatchNormalization(nn.Module):
    """y = gamma (x - mean) / sqrt(var + 1e-5) + beta (arXiv:1502.03167).

    As nn.BatchNorm1d, but its running averages start from the first batch, and are
    those of the variance without Bessel's correction.
    """

    def __init__(self, features):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(features))
        self.beta = nn.Parameter(torch.zeros(features))
        self.running = None

    def forward(self, x):
        if self.training or self.running is None:
            mean, var = x.mean(0), x.var(0, correction=0)
        else:
            mean, var = self.running
        if self.training:
            self.remember(mean.detach(), var.detach())
        return self.gamma * (x - mean) / torch.sqrt(var + 1e-5) + self.beta

    def remember(self, mean, var):
        if self.running is not None:
            old_mean, old_var = self.running
            mean, var = 0.9 * old_mean + 0.1 * mean, 0.9 * old_var + 0.1 * var
        self.running = mean, var
#end
#if batchnorm and dropout


#end
#if dropout
class Dropout(nn.Module):
    """In training y = x mask, with 0 for what is left out and 1 / (1 - ratio) elsewhere."""

    def forward(self, x):
        return x * self.mask if self.training else x
#end
'''

TORCH_NETWORK = '''
class MultiLayerNet(nn.Module):
    """$about

    The random numbers that become the initial weights depend on the seed and the layer
    alone, so all networks start from the same ones.
    """

$head
        super().__init__()
#if l2 and l1
        self.l2, self.l1 = l2, l1
#else
#if l2
        self.l2 = l2
#end
#if l1
        self.l1 = l1
#end
#end
#if dropout
        self.name, self.seed, self.dropout = name, seed, dropout
#end
        layers = []
        for number, (n_in, n_out) in enumerate(pairwise((PIXELS, *HIDDEN, CLASSES))):
            draws = np.random.default_rng([seed, WEIGHTS, number])
#if std_of_two_kinds
            sigma = std(n_in) if callable(std) else std
#end
            W = $std * draws.standard_normal((n_in, n_out))
            affine = nn.Linear(n_in, n_out)
            affine.weight.data = torch.from_numpy(W.T.astype(np.float32))
            nn.init.zeros_(affine.bias)
            layers.append(affine)
            if number < len(HIDDEN):
#if mixed_batchnorm
                if batchnorm:
                    layers.append(BatchNormalization(n_out))
#else
#if batchnorm
                layers.append(BatchNormalization(n_out))
#end
#end
                layers.append(nn.$activation())
#if dropout
                layers.append(Dropout())
#end
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)
#if l2 or l1

    def penalty(self):
        """Return what holds the weights back."""
        weights = [one.weight for one in self.layers if isinstance(one, nn.Linear)]
#if l2 and l1
        squares = sum((W * W).sum() for W in weights)
        return 0.5 * self.l2 * squares + self.l1 * sum(W.abs().sum() for W in weights)
#else
#if l2
        return 0.5 * self.l2 * sum((W * W).sum() for W in weights)
#else
        return self.l1 * sum(W.abs().sum() for W in weights)
#end
#end
#end
#if dropout

    def draw_masks(self, iteration):
        """Choose which units the next update leaves out: those with small random numbers."""
        sizes = [BATCH * units for units in HIDDEN]
        key = zlib.crc32(self.name.encode())
        random = np.random.PCG64([self.seed, MASKS, key, iteration])
        bits = random.random_raw(-(-sum(sizes) // 4)).view(np.uint16)  # 16 bits a unit
        stays = bits[: sum(sizes)] >= round(65536 * self.dropout)
        scale = np.float32(1 / (1 - self.dropout))
        dropouts = [layer for layer in self.layers if isinstance(layer, Dropout)]
        for layer, part in zip(dropouts, np.split(stays, np.cumsum(sizes)[:-1])):
            layer.mask = torch.from_numpy(part.reshape(BATCH, -1) * scale)
#end
'''
