"""Training races as parts of a script: data, mini-batches, accuracies, the loop, the table of all numbers."""

from __future__ import annotations

DATA = """
with np.load(Path(__file__).with_name($data)) as arrays:
    TRAIN_IMAGES, TRAIN_LABELS = arrays["train_images"], arrays["train_labels"]
#if tested
    TEST_IMAGES, TEST_LABELS = arrays["test_images"], arrays["test_labels"]
#end
#if drawn
    DRAWN = arrays["drawn"]
#end
PIXELS, CLASSES = TRAIN_IMAGES.shape[1], $classes
"""

BATCHES = '''
def inputs(images):
    """Return images, which are bytes, as a network takes them: numbers from 0 to 1."""
#if torch
    return torch.from_numpy(images * np.float32(1 / 255))
#else
    return images * np.float32(1 / 255)
#end


def mini_batches(seed):
    """Yield which images each update learns from: drawn anew 64 mini-batches at a time."""
    for block in itertools.count():
        draws = np.random.default_rng([seed, BATCHES, block])
        yield from draws.integers(0, len(TRAIN_LABELS), (64, BATCH))
'''

ACCURACY = '''
#if torch
@torch.no_grad()
#end
def outputs(network, images):
    """Return what comes out for images, at most 250 of which go in at a time."""
    parts = -(-len(images) // 250)
    ends = [len(images) * part // parts for part in range(parts + 1)]
#if torch
    found = [network(inputs(images[a:b])).numpy() for a, b in pairwise(ends)]
#else
    found = [network.predict(inputs(images[a:b])) for a, b in pairwise(ends)]
#end
    return np.concatenate(found)
#if evaluated


def accuracy(network, images, labels):
    """Return the share of images that are recognized, NaN where outputs are not finite."""
    scores = outputs(network, images)
    if not np.isfinite(scores).all():
        return np.nan
    return np.mean(scores.argmax(axis=1) == labels)
#end
'''

LANES = '''
#if torch
def lane(network, optimizer, **settings):
    """Return a network and the optimizer of its parameters."""
    return network, optimizer(network.parameters(), **settings)


#end
def make_lanes(seed):
    """Return who races: every lane's network and the optimizer that trains it."""
    return {
        $lanes
    }
'''

TRAIN = '''
def train($arguments):
    """Train a network; return its losses and accuracies, a row each, NaN where not known.

    Column i is what was known after i updates; a loss is that of the mini-batch that the
    update learned from, before it.
#if inside

    Return also the gradient flow of every layer at every tenth update, and what the
    network sees after LOOK_AT updates.
#end
    """
    known = np.full((len(COLUMNS), ITERATIONS + 1), np.nan, np.float32)
#if inside
    samples = -(-ITERATIONS // FLOW_EVERY)
    flow = np.full((2, len(HIDDEN) + 1, samples), np.nan, np.float32)
    seen = None
#end
    for iteration, chosen in zip(range(ITERATIONS), mini_batches(seed)):
#if evaluated
        if iteration % EVALUATE == 0:
            known[2:, iteration] = measure(network)
#end
#if inside
        if iteration == LOOK_AT:
            seen = look(network)
#end
        $changes
#if dropout
        network.draw_masks(iteration)
#end
#if torch
        scores = network(inputs(TRAIN_IMAGES[chosen]))
        labels = torch.from_numpy(TRAIN_LABELS[chosen])
        loss = nn.functional.cross_entropy(scores, labels)
        if not torch.isfinite(loss):
            break  # it has diverged
        known[0, iteration + 1] = loss.item()
        optimizer.zero_grad()
#if l2 or l1
        (loss + network.penalty()).backward()
#else
        loss.backward()
#end
#if inside
        if iteration % FLOW_EVERY == 0:
            before = weights_of(network)
#end
        optimizer.step()
#else
        loss = network.loss(inputs(TRAIN_IMAGES[chosen]), TRAIN_LABELS[chosen])
        if not np.isfinite(loss):
            break  # it has diverged
        known[0, iteration + 1] = loss
#if inside
        if iteration % FLOW_EVERY == 0:
            before = weights_of(network)
#end
        optimizer.update(network.params, network.gradient())
#end
#if inside
        if iteration % FLOW_EVERY == 0:
            flow[:, :, iteration // FLOW_EVERY] = flow_of(network, before)
#end
#if evaluated or inside
    else:
#end
#if evaluated
        known[2:, ITERATIONS] = measure(network)
#end
#if inside
        if LOOK_AT == ITERATIONS:
            seen = look(network)
#end
    known[1] = smooth(known[0])
#if inside
    return known, flow, seen
#else
    return known
#end
#if evaluated


def measure(network):
    """Return the accuracies on the first training images and on all test images."""
#if switched
    network.eval()
#end
    train = accuracy(network, TRAIN_IMAGES[:MEASURED], TRAIN_LABELS[:MEASURED])
    test = accuracy(network, TEST_IMAGES, TEST_LABELS)
#if switched
    network.train()
#end
    return train, test
#end


def smooth(loss):
    """Return the loss smoothed by a Kaiser window of 11 points, its ends mirrored."""
    smoothed = np.full_like(loss, np.nan)
    known = loss[np.isfinite(loss)]
    if len(known):
        window = np.kaiser(11, 2)
        padded = np.pad(known, 5, mode="reflect")
        values = np.convolve(padded, window / window.sum(), mode="valid")
        smoothed[1 : len(known) + 1] = values
    return smoothed
'''

RESULTS = '''
#if seeds
def quartiles(runs):
    """Return lower quartile, median and upper quartile over the seeds.

    A run that has diverged counts as worse than any other.
    """
    worst = np.array([np.inf, np.inf, -np.inf, -np.inf])[:, None]
    ordered = np.sort(np.where(np.isnan(runs), worst, runs), axis=0)
    found = []
    for share in (0.25, 0.5, 0.75):
        low, part = divmod(share * (len(runs) - 1), 1)
        below, above = ordered[int(low)], ordered[min(int(low) + 1, len(runs) - 1)]
        with np.errstate(invalid="ignore"):  # infinity less infinity
            found.append(below + part * (above - below) if part else below)
    return np.where(np.isfinite(found), found, np.nan).astype(np.float32)


#end
def table(results):
    """Yield all numbers: a row for every lane and update, until all have diverged."""
    yield "lane", "iteration", "epoch", *COLUMNS
#if seeds
    losses = np.concatenate([runs[:, 0] for runs in results.values()])
    medians = {name: quartiles(runs)[1] for name, runs in results.items()}
#else
    losses = np.array([known[0] for known in results.values()])
#end
    last = np.isfinite(losses).any(axis=0).nonzero()[0].max(initial=0)
#if seeds
    for name, known in medians.items():
#else
    for name, known in results.items():
#end
        for iteration in range(min(ITERATIONS, last + 1) + 1):
            cells = ["" if np.isnan(value) else value for value in known[:, iteration]]
            yield name, iteration, iteration // EPOCH, *cells


def print_results(results):
    """Print how every lane ends$of_medians."""
#if evaluated
    print(f"{'lane':<20}{'smoothed loss':>14}{'train':>9}{'test':>9}")
#else
    print(f"{'lane':<20}{'smoothed loss':>14}")
#end
#if seeds
    for name, runs in results.items():
        known = quartiles(runs)[1]
#else
    for name, known in results.items():
#end
#if evaluated
        _, loss, train, test = known[:, -1]
        numbers = f"{loss:>14.6f}{train:>9.2%}{test:>9.2%}"
#else
        loss = known[1, -1]
        numbers = f"{loss:>14.6f}"
#end
        print(f"{name:<20}{numbers if np.isfinite(loss) else '  diverged'}")
'''

RUN = """
#if inside
results, flows, seen = {}, {}, {}
#else
results = {}
#end
with np.errstate(all="ignore"):  # a network that diverges is a result, not an error
#if seeds
    for name in LOOKS:
        runs = []
        for seed in SEEDS:
            print(f"training {name}, seed {seed} …", file=sys.stderr)
#if inside
            known, *found = train($named_first*make_lanes(seed)[name], seed)
            runs.append(known)
            if seed == SEEDS[0]:  # the first one is looked into
                flows[name], seen[name] = found
#else
            runs.append(train($named_first*make_lanes(seed)[name], seed))
#end
        results[name] = np.array(runs)
#else
    for name, (network, optimizer) in make_lanes(SEED).items():
        print(f"training {name} …", file=sys.stderr)
#if inside
        results[name], flows[name], seen[name] = train($arguments, SEED)
#else
        results[name] = train($arguments, SEED)
#end
#end
"""

RACE_FIGURE = '''
def draw(plt, results):
    """Return the figure: the losses, thin, and smoothed, bold$below."""
#if evaluated
    figure, (losses, accuracies) = plt.subplots(
        2, figsize=(10, 7), height_ratios=(5, 2), sharex=True, layout="constrained"
    )
#else
    figure, losses = plt.subplots(figsize=(10, 6), layout="constrained")
#end
    updates = np.arange(ITERATIONS + 1)
    every = max(1, ITERATIONS // 12)
#if seeds
    for name, runs in results.items():
        low, known, high = quartiles(runs)
#else
    for name, known in results.items():
#end
        label, colour, marker = LOOKS[name]
#if seeds
        losses.fill_between(updates, low[1], high[1], color=colour, alpha=0.2)
#else
        losses.plot(updates, known[0], color=colour, linewidth=0.6, alpha=0.35)
#end
        style = {"color": colour, "marker": marker, "markevery": every, "label": label}
        losses.plot(updates, known[1], linewidth=1.8, markersize=5, **style)
#if evaluated
        at = updates[np.isfinite(known[3])]
        accuracies.plot(at, known[2, at], "--", color=colour, linewidth=1)
        accuracies.plot(at, known[3, at], color=colour)
#end
    losses.set(ylabel="training loss", xlim=(0, ITERATIONS), ylim=$loss_range)
    losses.legend()
#if evaluated
    accuracies.set(xlabel="iteration", ylabel="accuracy", ylim=(0, 1))
    accuracies.set_title("solid: test, dashed: train", loc="right", fontsize="small")
#else
    losses.set_xlabel("iteration")
#end
    return figure
'''

GRID_FIGURE = '''
def draw(plt, results):
    """Return the figure: training accuracies at each weight scale."""
    scales = dict.fromkeys(name.rpartition("-")[0] for name in results)
    columns = min(4, len(scales))
    rows = -(-len(scales) // columns)
    shared = {"sharex": True, "sharey": True, "squeeze": False, "layout": "constrained"}
    figure, axes = plt.subplots(rows, columns, figsize=$size, **shared)
    for plot, scale in zip(axes.flat, scales):
        for name in (f"{scale}-bn", f"{scale}-plain"):
            if name in results:
                draw_lane(plot, name, results[name])
    for plot in axes.flat[len(scales) :]:
        plot.set_axis_off()
    for plot in axes[-1]:
        plot.set_xlabel("epoch")
    axes[0, 0].set(ylabel="training accuracy", xlim=(0, None), ylim=(0, 1))
    axes[0, 0].legend(fontsize="small")
    return figure


def draw_lane(plot, name, known):
    """Draw one network's accuracy over the epochs."""
    label, colour, marker = LOOKS[name]
#if seeds
    known = quartiles(known)[1]
#end
    at = np.isfinite(known[2]).nonzero()[0]
    scale, _, kind = label.rpartition(", ")
    style = {"color": colour, "marker": marker, "markersize": 3, "label": kind}
    dashes = "-" if name.endswith("bn") else "--"
    plot.plot(at / EPOCH, known[2, at], dashes, **style)
    plot.set_title(scale, fontsize="small", loc="left")
'''

GAP_FIGURE = '''
def draw(plt, results):
    """Return the figure: each network's accuracies, and the gap between them."""
    columns = min(2, len(results))
    rows = -(-len(results) // columns)
    shared = {"sharex": True, "sharey": True, "squeeze": False, "layout": "constrained"}
    figure, axes = plt.subplots(rows, columns, figsize=$size, **shared)
    for plot, (name, known) in zip(axes.flat, results.items()):
        label, colour, _ = LOOKS[name]
#if seeds
        known = quartiles(known)[1]
#end
        at = np.isfinite(known[2]).nonzero()[0]
        train, test = known[2, at], known[3, at]
        plot.plot(at / EPOCH, train, "--", color=colour, label="train")
        plot.plot(at / EPOCH, test, color=colour, label="test")
        plot.fill_between(at / EPOCH, test, train, color=colour, alpha=0.2)
        plot.set_title(label, loc="left", fontsize="small")
        plot.legend(fontsize="small")
    for plot in axes.flat[len(results) :]:
        plot.set_axis_off()
    for plot in axes[-1]:
        plot.set_xlabel("epoch")
    axes[0, 0].set(ylabel="accuracy", xlim=(0, None), ylim=(0, 1))
    return figure
'''
