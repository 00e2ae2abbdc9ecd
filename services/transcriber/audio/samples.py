"""Decoded sound."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Samples of one channel, or of two that are interleaved. Full scale is 1."""
