# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Writes models as Hugging Face's REALM saves them, and what they compute.

    pip install torch transformers==4.57.6   # neither is needed to use realm_tf
    python -m testdata.original.hugging_face \
        --output_dir=testdata/original/hugging_face

Small random weights; the numbers in `expected.npz` are that library's own.
`tensors.bin` holds tensors of all kinds as `torch.save` writes them.
"""

import argparse
import importlib
import pathlib

import numpy as np

VOCAB_SIZE, BLOCKS = 111, 24
REALM = 'transformers.models.deprecated.realm'


def _draw(torch, model):
  """Weights of which each counts, biases and norms too."""
  with torch.no_grad():
    for name, parameter in model.named_parameters():
      is_norm = name.endswith('weight') and 'orm' in name
      drawn = 0.3 * torch.randn(parameter.shape) + float(is_norm)
      parameter.copy_(drawn)
  return model.eval()


def _tensors(torch) -> dict:
  base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
  return {
    'float32': base,
    'transposed': base.T,
    'slice': base[1:, 1:3],
    'scalar': torch.tensor(2.5),
    'parameter': torch.nn.Parameter(base + 1),
    'float64': base.double() / 3,
    'float16': base.half() / 4,
    'bfloat16': (base / 2).bfloat16(),
    'int64': torch.arange(5),
    'bool': base > 5,
    'empty': torch.zeros([0, 3]),
  }


def generate(root: pathlib.Path) -> None:
  """Writes everything into a directory that is not there yet."""
  torch = importlib.import_module('torch')
  models = importlib.import_module(f'{REALM}.modeling_realm')
  config = importlib.import_module(f'{REALM}.configuration_realm').RealmConfig(
    vocab_size=VOCAB_SIZE,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=24,
    max_position_embeddings=48,
    retriever_proj_size=8,
    span_hidden_size=12,
    max_span_width=4,
    num_block_records=BLOCKS,
    num_candidates=3,
    reader_beam_size=4,
    reader_seq_len=40,
    searcher_seq_len=16,
  )
  torch.manual_seed(5)
  rng = np.random.default_rng(5)
  ids = rng.integers(5, VOCAB_SIZE, (4, 20))
  mask = (np.arange(20) < np.array([[20], [12], [7], [20]])).astype(int)
  types = (np.arange(20) >= 5) * mask
  inputs = {
    'input_ids': torch.tensor(ids),
    'attention_mask': torch.tensor(mask),
    'token_type_ids': torch.tensor(types),
  }
  expected = {'ids': ids, 'mask': mask, 'types': types}

  def save(model, name):
    model.save_pretrained(root / name, safe_serialization=False)

  def embed(embedder):
    return embedder(**inputs).projected_score.detach().numpy()

  query = _draw(torch, models.RealmEmbedder(config))
  scorer = _draw(torch, models.RealmScorer(config, query_embedder=query))
  save(scorer, 'scorer')
  expected['scorer_query'] = embed(scorer.query_embedder)
  expected['scorer_document'] = embed(scorer.embedder)

  encoder = _draw(torch, models.RealmKnowledgeAugEncoder(config))
  save(encoder, 'encoder')
  joint = {name: value[None] for name, value in inputs.items()}
  expected['mlm_logits'] = encoder(**joint).logits.detach().numpy()

  open_qa = _draw(torch, models.RealmForOpenQA(config))
  open_qa.block_emb.copy_(torch.randn(BLOCKS, 8))
  save(open_qa, 'openqa')
  expected['openqa_query'] = embed(open_qa.embedder)
  expected['block_emb'] = open_qa.block_emb.numpy()
  hidden = open_qa.reader.realm(**inputs)[0]
  logits, starts, ends = open_qa.reader.qa_outputs(
    hidden, inputs['token_type_ids']
  )
  expected['span_logits'] = logits.detach().numpy()
  expected['span_starts'] = starts.numpy()
  expected['span_ends'] = ends.numpy()
  np.savez_compressed(root / 'expected.npz', **expected)
  torch.save(_tensors(torch), root / 'tensors.bin')


def main() -> None:
  """Reads the flag and writes."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--output_dir', type=pathlib.Path, required=True)
  generate(parser.parse_args().output_dir)


if __name__ == '__main__':
  main()
