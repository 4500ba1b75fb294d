# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Corpora of version 1, as they were written before the store had record ids.

Written without the code of the store, so that it can be tested with them.
"""

import hashlib
import json
import pathlib

import numpy as np

from realm_tf.text.tokenizer import BertTokenizer


def _uid(title: bytes, body: bytes) -> int:
  digest = hashlib.sha1(title + b' <sep> ' + body).digest()
  return int.from_bytes(digest[12:20], 'big', signed=True)


def write(
  directory: pathlib.Path,
  texts: list[tuple[str, str]],
  tokenizer: BertTokenizer,
  *,
  manifest: bool = True,
) -> pathlib.Path:
  """Writes `documents/` of (title, body) pairs, and maybe `manifest.json`."""
  documents = directory / 'documents'
  documents.mkdir(parents=True)
  strings = [[t[i].encode() for t in texts] for i in range(2)]
  ids = [tokenizer.tokenize(its).to_list() for its in strings]
  columns = {
    'title_ids': ([np.array(i, '<u2').tobytes() for i in ids[0]], 2),
    'body_ids': ([np.array(i, '<u2').tobytes() for i in ids[1]], 2),
    'title_text': (strings[0], 1),
    'body_text': (strings[1], 1),
  }
  whole = {
    'uids': hashlib.blake2b(digest_size=16),
    **{n: hashlib.blake2b(digest_size=16) for n in ('title_ids', 'body_ids')},
  }
  for name, (values, size) in columns.items():
    lengths = np.array([len(v) // size for v in values], '<i8')
    splits = np.concatenate([[0], np.cumsum(lengths)]).astype('<i8')
    (documents / f'{name}.bin').write_bytes(b''.join(values))
    (documents / f'{name}_splits.bin').write_bytes(splits.tobytes())
    if name in whole:
      whole[name].update(b''.join(values))
      whole[f'{name}_lengths'] = hashlib.blake2b(
        lengths.tobytes(), digest_size=16
      )
  uids = np.array([_uid(*pair) for pair in zip(*strings)], '<i8')
  (documents / 'uids.bin').write_bytes(uids.tobytes())
  whole['uids'].update(uids.tobytes())
  fingerprint = hashlib.blake2b(digest_size=8)
  for name in sorted(whole):
    fingerprint.update(whole[name].digest())
  metadata = {
    'kind': 'documents',
    'version': 1,
    'num_documents': len(texts),
    'vocab_size': tokenizer.vocab_size,
    'vocab_fingerprint': tokenizer.fingerprint,
    'ids_dtype': 'uint16',
    'fingerprint': fingerprint.hexdigest(),
    'source': [],
  }
  (documents / 'metadata.json').write_text(json.dumps(metadata))
  if manifest:
    its = {
      'kind': 'blocks',
      'counts': {'read': len(texts), 'blocks': len(texts)},
      'fingerprint': 'that of the records',
      'settings': {'max_block_length': 64, 'input': [], 'lower_case': True},
      'shards': [],
      'vocab_size': tokenizer.vocab_size,
      'vocab_fingerprint': tokenizer.fingerprint,
      'lower_case': tokenizer.lower_case,
    }
    (directory / 'manifest.json').write_text(json.dumps(its))
  return directory
