# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
import dataclasses
from collections.abc import Sequence
from typing import Literal

import pytest
from absl import flags

from bin import config_flags


@dataclasses.dataclass(frozen=True)
class Every:
  number: int

  @classmethod
  def parse(cls, text):
    if not text.isdigit():
      raise ValueError('must be a number')
    return cls(int(text))

  def __str__(self):
    return str(self.number)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Base:
  """What all have.

  Attributes:
    model_dir: Directory that everything
      is written to.
    seed: Seed.
  """

  model_dir: str
  seed: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lengths(Base):
  """Lengths.

  Attributes:
    seq_len: Wordpieces, also of `model_dir`. Defaults to 96.
    kind: Kind of length, `short` or `long`.
  """

  seq_len: int = 96
  kind: Literal['short', 'long'] = 'short'

  def __post_init__(self):
    if self.seq_len < 3:
      raise ValueError(f'`seq_len` must be above 2. Received: {self.seq_len}')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Lengths):
  """A training.

  Attributes:
    seed: Seed of the weights.
    rate: Learning rate.
    dropout: Dropout rate. Defaults to none.
    mixed: Whether to compute in bfloat16.
    every: Steps between exports.
    inputs: Files.
    cutoffs: Cutoffs.
    labels: Labels.
    secret: Set by the program.

  Raises:
    ValueError: Never.
  """

  seed: int = 1
  rate: float = 1e-3
  dropout: float | None = None
  mixed: bool = False
  every: Every = Every(500)
  inputs: str | Sequence[str] = ()
  cutoffs: tuple[int, ...] = (1, 5)
  labels: list[str] = dataclasses.field(default_factory=lambda: ['a', 'b'])
  secret: object = None


@pytest.fixture
def parse(monkeypatch):
  """Makes a config of the arguments by which a binary would be called."""
  values = flags.FlagValues()
  defined = flags.FLAGS
  monkeypatch.setattr(flags, 'FLAGS', values)
  monkeypatch.setattr(config_flags, '_renamed', {})
  for name in [n for n in dir(flags) if n.startswith('DEFINE')]:
    function = getattr(flags, name)

    def define(*args, function=function, **options):
      return function(*args, flag_values=values, **options)

    monkeypatch.setattr(flags, name, define)
  assert defined is not values

  def run(*arguments, config=Config, given=None, **options):
    config_flags.define(config, **{'hide': ['secret'], **options})
    config_flags.name_flags_in_help()
    values(['program', *arguments])
    return config_flags.make(config, **(given or {}))

  run.values = values
  return run


def test_flags_have_type_default_and_help_of_the_fields(parse):
  assert parse('--model_dir=x') == Config(model_dir='x', labels=('a', 'b'))
  found = parse.values
  assert 'secret' not in found
  assert found['seed'].help == 'Seed of the weights.'
  assert found['model_dir'].help == ('Directory that everything is written to.')
  assert found['dropout'].help == 'Dropout rate. Defaults to none.'
  # A name in backquotes is a flag; the default is shown beside the help.
  assert found['seq_len'].help == 'Wordpieces, also of --model_dir.'
  # A value in backquotes is none.
  assert found['kind'].help.endswith('Kind of length, `short` or `long`.')


def test_values_are_parsed(parse):
  made = parse(
    *('--model_dir=x', '--seed=3', '--rate=.5', '--dropout=0', '--mixed'),
    *(
      '--every=7',
      '--inputs=a,b',
      '--cutoffs=3',
      '--seq_len=5',
      '--kind=long',
      '--labels=c',
    ),
    given={'secret': 8},
  )
  assert made == Config(
    model_dir='x',
    seed=3,
    rate=0.5,
    dropout=0.0,
    mixed=True,
    every=Every(7),
    inputs=('a', 'b'),
    cutoffs=(3,),
    labels=('c',),
    seq_len=5,
    kind='long',
    secret=8,
  )
  assert isinstance(made.dropout, float)


def test_given_values_replace_flags(parse):
  made = parse('--model_dir=x', '--seq_len=5', given={'seq_len': 9, 'seed': 4})
  assert (made.seq_len, made.seed) == (9, 4)


@pytest.mark.parametrize(
  'argument, message',
  [
    ('--kind=wide', 'should be one of <short|long>'),
    ('--every=often', 'must be a number'),
    ('--seed=x', 'flag --seed=x'),
    ('--kin=x', 'Did you mean: kind'),
  ],
)
def test_wrong_values_are_refused(parse, argument, message):
  with pytest.raises(flags.Error, match=message):
    parse('--model_dir=x', argument)


def test_a_field_without_default_is_required(parse):
  with pytest.raises(flags.Error, match='--model_dir must have a value'):
    parse()


def test_the_check_of_the_config_is_told_by_flags(parse):
  with pytest.raises(ValueError) as e:
    parse('--model_dir=x', '--seq_len=1')
  assert config_flags.name_flags(str(e.value)) == (
    '--seq_len must be above 2. Received: 1'
  )
  assert config_flags.name_flags('`other`') == '`other`'


def test_a_flag_may_have_another_name(parse):
  made = parse(
    '--model_dir=x', '--length_kind=long', rename={'kind': 'length_kind'}
  )
  assert made.kind == 'long'
  assert config_flags.name_flags('`kind`') == '--length_kind'


def test_what_has_no_help_or_type_is_a_mistake(parse):
  @dataclasses.dataclass
  class Silent:
    field: int = 0

  with pytest.raises(TypeError, match='Silent.field has no help'):
    parse(config=Silent)
  with pytest.raises(TypeError, match='no flag can be made of secret'):
    parse('--model_dir=x', hide=[])
