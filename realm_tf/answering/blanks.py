# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How often blanks are filled with the right wordpieces."""

import numpy as np


def filled_right(
  predicted: np.ndarray, targets: np.ndarray, mask: np.ndarray
) -> np.ndarray:
  """Which queries have all their masks right.

  Args:
    predicted: Wordpieces `[batch, masks]`.
    targets: Right wordpieces `[batch, masks]`.
    mask: `[batch, masks]`, 0 where there is no mask.

  Returns:
    bool `[batch]`; a query without a mask is not right.
  """
  masked = np.asarray(mask) > 0
  right = np.asarray(predicted) == np.asarray(targets)
  return (right | ~masked).all(-1) & masked.any(-1)


class BlankAccuracy:
  """Accuracy of filled blanks over batches."""

  def __init__(self) -> None:
    """Starts with nothing."""
    self._right_blanks = 0
    self._right_wordpieces = 0
    self.blanks = 0
    self.wordpieces = 0

  def update(
    self, predicted: np.ndarray, targets: np.ndarray, mask: np.ndarray
  ) -> None:
    """Counts a batch; see `filled_right`."""
    masked = np.asarray(mask) > 0
    right = (np.asarray(predicted) == np.asarray(targets)) & masked
    self._right_blanks += int(filled_right(predicted, targets, mask).sum())
    self._right_wordpieces += int(right.sum())
    self.blanks += int(masked.any(-1).sum())
    self.wordpieces += int(masked.sum())

  def result(self) -> dict[str, float]:
    """`blank_accuracy` (all wordpieces right) and `wordpiece_accuracy`.

    They are nan before the first blank.
    """
    return {
      'blank_accuracy': self._right_blanks / (self.blanks or np.nan),
      'wordpiece_accuracy': (
        self._right_wordpieces / (self.wordpieces or np.nan)
      ),
    }
