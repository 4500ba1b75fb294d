# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What retrieval is worth to the reader, in nats.

    RU(z | x) = log p(y | z, x) - log p(y | null, x)      of one document
    RU(x)     = log p(y | x)    - log p(y | null, x)      of all, by p(z | x)

By the second, a masked wordpiece at a time, the release chooses its best
export.
"""

import numpy as np


def candidate_utility(
  gold_log_probs: np.ndarray, mask: np.ndarray
) -> np.ndarray:
  """Utility of each candidate for all masks of its query.

  Args:
    gold_log_probs: log p(y_j | z, x), `[batch, k, masks]`; candidate 0 is the
      null document.
    mask: `[batch, masks]`, 0 where there is no mask.

  Returns:
    `[batch, k]`; candidate 0 has 0.
  """
  total = (np.asarray(gold_log_probs) * np.asarray(mask)[:, None]).sum(-1)
  return total - total[:, :1]


def marginal_utility(
  gold_log_probs: np.ndarray, candidate_log_probs: np.ndarray
) -> np.ndarray:
  """Utility of retrieval for each mask by itself.

  Args:
    gold_log_probs: log p(y_j | z, x), `[batch, k, masks]`.
    candidate_log_probs: log p(z | x), `[batch, k]`.

  Returns:
    `[batch, masks]`.
  """
  gold = np.asarray(gold_log_probs, np.float64)
  joint = gold + np.asarray(candidate_log_probs, np.float64)[:, :, None]
  highest = joint.max(1)
  marginal = highest + np.log(np.exp(joint - highest[:, None]).sum(1))
  return marginal - gold[:, 0]


class RetrievalUtility:
  """Means over batches.

  Example:
    utility = RetrievalUtility()
    for batch in batches:
      utility.update(gold_log_probs, candidate_log_probs, mask)
    utility.result()['retrieval_utility']
  """

  def __init__(self) -> None:
    """Starts with nothing."""
    self._sums = np.zeros(4)
    self.masks = 0.0
    self.queries = 0

  def update(
    self,
    gold_log_probs: np.ndarray,
    candidate_log_probs: np.ndarray,
    mask: np.ndarray,
  ) -> None:
    """Adds a batch; see `candidate_utility` and `marginal_utility`."""
    mask = np.asarray(mask, np.float64)
    used = mask.any(-1)
    if not used.any():
      return
    mask = mask[used]
    log_probs = np.asarray(candidate_log_probs)[used]
    gold = np.asarray(gold_log_probs)[used]
    marginal = marginal_utility(gold, log_probs)
    utility = candidate_utility(gold, mask)[:, 1:]
    top = log_probs[:, 1:].argmax(-1)
    self._sums += [
      (marginal * mask).sum(),
      utility.max(-1).sum(),
      utility[np.arange(len(top)), top].sum(),
      np.exp(log_probs[:, 0]).sum(),
    ]
    self.masks += mask.sum()
    self.queries += len(mask)

  def result(self) -> dict[str, float]:
    """The means; nan before the first mask.

    `retrieval_utility` is the marginal one of a mask; by queries are
    `best_candidate_utility` (of the most useful document),
    `top_candidate_utility` (of that with the highest p(z | x), the null
    document aside) and `null_probability` (p(null | x)).
    """
    marginal, best, top, null = self._sums
    masks, queries = self.masks or np.nan, self.queries or np.nan
    return {
      'retrieval_utility': float(marginal / masks),
      'best_candidate_utility': float(best / queries),
      'top_candidate_utility': float(top / queries),
      'null_probability': float(null / queries),
    }
