# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BERT in NumPy float64, to compare with: from the paper, no code shared."""

import math

import numpy as np

_erf = np.vectorize(math.erf)


class NumpyBert:
  """Takes Hugging Face's tensors, with the `bert.` prefix and beta/gamma."""

  def __init__(self, tensors, num_heads):
    self.tensors = {k: v.astype(np.float64) for k, v in tensors.items()}
    self.num_heads = num_heads

  def dense(self, x, name):
    weight = self.tensors[f'{name}.weight']
    return x @ weight.T + self.tensors[f'{name}.bias']

  def norm(self, x, name):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
    get = self.tensors.get
    gamma = get(f'{name}.gamma', get(f'{name}.weight'))
    return x * gamma + get(f'{name}.beta', get(f'{name}.bias'))

  @staticmethod
  def gelu(x):
    return x * 0.5 * (1 + _erf(x / math.sqrt(2)))

  def encode(self, ids, mask, segments):
    """Of one row without batch: `[length]` each -> `[length, hidden]`."""
    e = 'bert.embeddings.'
    x = self.tensors[e + 'word_embeddings.weight'][ids]
    x = x + self.tensors[e + 'position_embeddings.weight'][: len(ids)]
    x = x + self.tensors[e + 'token_type_embeddings.weight'][segments]
    x = self.norm(x, e + 'LayerNorm')
    layer = 0
    while f'bert.encoder.layer.{layer}.output.dense.weight' in self.tensors:
      x = self.layer(x, mask, f'bert.encoder.layer.{layer}.')
      layer += 1
    return x

  def layer(self, x, mask, name):
    q, k, v = (
      self.dense(x, f'{name}attention.self.{part}')
      for part in ('query', 'key', 'value')
    )
    size = x.shape[-1] // self.num_heads
    heads = []
    for h in range(self.num_heads):
      columns = slice(h * size, (h + 1) * size)
      scores = q[:, columns] @ k[:, columns].T / math.sqrt(size)
      scores = np.where(mask[None, :] > 0, scores, -np.inf)
      scores = np.exp(scores - scores.max(-1, keepdims=True))
      heads.append(scores / scores.sum(-1, keepdims=True) @ v[:, columns])
    attended = self.dense(
      np.concatenate(heads, -1), f'{name}attention.output.dense'
    )
    x = self.norm(x + attended, f'{name}attention.output.LayerNorm')
    inner = self.gelu(self.dense(x, f'{name}intermediate.dense'))
    return self.norm(
      x + self.dense(inner, f'{name}output.dense'), f'{name}output.LayerNorm'
    )

  def mlm_logits(self, x):
    x = self.gelu(self.dense(x, 'cls.predictions.transform.dense'))
    x = self.norm(x, 'cls.predictions.transform.LayerNorm')
    table = self.tensors['bert.embeddings.word_embeddings.weight']
    return x @ table.T + self.tensors['cls.predictions.bias']
