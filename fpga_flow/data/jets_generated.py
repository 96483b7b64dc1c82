"""Generated jets: numbers that look like the jet-tagging set's 16 features, for use without that set.

A jet here is four numbers drawn from its class: the log of a mass (a falling spectrum for gluons and light
quarks; peaks at the masses of W, Z and top, 80.4, 91.2 and 172.5 GeV, as wide as a calorimeter makes them), a
number of prongs, a multiplicity and the softness of its radiation. All 16 features are functions of these
four and of noise, so that they are correlated, skewed, of very different sizes, and W and Z nearly alike.

It is no simulation: there is no parton shower, no detector, no jet algorithm; the 13 energy correlations are
powers with exponents drawn at random, not computed from particles. Accuracies on it say that a network trains
and a build works, and nothing of physics, and cannot be compared with those on the real set.
"""

from functools import lru_cache

import numpy as np

from fpga_flow.data.frames import Frames, Indices, Split, Values
from fpga_flow.data.jet_features import CLASSES, FEATURES, as_frames, tutorial_split

VERSION = 1
"""Goes up whenever the same seed gives other jets."""
_MASS_GEV = {"w": 80.4, "z": 91.2, "t": 172.5}
_WIDTH = 0.09
"""Standard deviation of the log of a peak's mass."""
_QCD_LOG_MASS, _QCD_WIDTH = {"g": 4.3, "q": 4.0}, 0.6
_PRONGS = {"g": 1.0, "q": 1.0, "w": 2.0, "z": 2.0, "t": 3.0}
_PRONGS_SPREAD = 0.45
_MULTIPLICITY = {"g": 62.0, "q": 44.0, "w": 44.0, "z": 46.0, "t": 64.0}
_MULTIPLICITY_SPREAD = 0.25
"""Standard deviation of the log."""
_SOFTNESS = {"g": 0.6, "q": -0.6, "w": -0.2, "z": -0.1, "t": 0.3}
_NOISE = 0.25


def frames(per_class: int, split: Split, validation_share: float, seed: int) -> Frames:
    """Return one split of `per_class` jets of each class, which depend on `seed` and that number alone."""
    values, labels = _jets(per_class, seed)
    title = f"generated jets (version {VERSION}, seed {seed}; not simulated physics)"
    parts = tutorial_split(values, labels)
    return as_frames(*parts, split, validation_share, seed, title, generated=True)


@lru_cache(maxsize=2)
def _jets(per_class: int, seed: int) -> tuple[Values, Indices]:
    """Return features, float32 (5 * per_class, 16), and classes, int64, ordered by class."""
    exponents = np.random.default_rng((VERSION, len(FEATURES))).normal(0, 0.5, (4, len(FEATURES) - 3))
    parts = []
    for label, name in enumerate(CLASSES):
        rng = np.random.default_rng((seed, VERSION, label))
        peak, width = (
            (np.log(_MASS_GEV[name]), _WIDTH) if name in _MASS_GEV else (_QCD_LOG_MASS[name], _QCD_WIDTH)
        )
        log_mass = rng.normal(peak, width, per_class)
        prongs = rng.normal(_PRONGS[name], _PRONGS_SPREAD, per_class)
        log_count = rng.normal(np.log(_MULTIPLICITY[name]), _MULTIPLICITY_SPREAD, per_class)
        softness = rng.normal(_SOFTNESS[name], 0.5, per_class)
        hidden = np.stack([log_mass - 4.4, prongs - 1.8, log_count - 3.9, softness], axis=1)
        correlations = np.exp(hidden @ exponents + rng.normal(0, _NOISE, (per_class, exponents.shape[1])))
        splitting = -0.8 * log_count + 0.4 * softness + rng.normal(0, _NOISE, per_class)
        count = np.rint(np.exp(log_count))
        parts.append(np.column_stack([splitting, correlations, np.exp(log_mass), count]))
    values: Values = np.concatenate(parts).astype(np.float32)
    return values, np.repeat(np.arange(len(CLASSES)), per_class)
