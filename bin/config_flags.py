# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes flags from the fields of a config dataclass, and the config from them.

A field becomes a flag of its name: the annotation gives the type, the field
the default (none: the flag is required), and the `Attributes:` section of the
class or of a base class the help.
"""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from absl import flags

flags.disclaim_key_flags()  # They are key flags of the binary that calls.

_Config = TypeVar('_Config')
_ENTRY = re.compile(r'^  (\w+): ', re.MULTILINE)
_NAME = re.compile(r'`(\w+)`')
_DEFAULT = re.compile(r' Defaults to [\w.,-]+\.$')
_LISTS = (list, tuple, Sequence)

# Flag of a field, where it has another name.
_renamed: dict[str, str] = {}


class _Parser(flags.ArgumentParser):
  """Parses a flag with the `parse` of the class of its field."""

  def __init__(self, kind: Any):
    super().__init__()
    self.kind = kind
    self.syntactic_help = ''

  def parse(self, argument: Any) -> Any:
    if isinstance(argument, self.kind):
      return argument
    return self.kind.parse(argument)

  def flag_type(self) -> str:
    return self.kind.__name__


def _docs(config: type) -> dict[str, str]:
  """The `Attributes:` entries of a class and its bases, by field."""
  found: dict[str, str] = {}
  for base in reversed(config.__mro__):
    doc = inspect.cleandoc(base.__dict__.get('__doc__') or '')
    section = re.search(r'^Attributes:\n((?:  .*\n?|\n)*)', doc, re.MULTILINE)
    if section:
      parts = _ENTRY.split(section.group(1))[1:]
      texts = (' '.join(text.split()) for text in parts[1::2])
      found.update(zip(parts[::2], texts))
  return found


def _default(field: dataclasses.Field) -> Any:
  if field.default_factory is not dataclasses.MISSING:
    return field.default_factory()
  return field.default


def _without_none(hint: Any) -> Any:
  """The type that a value has: of `str | Sequence[str] | None`, the list."""
  if typing.get_origin(hint) not in (typing.Union, types.UnionType):
    return hint
  kinds = [x for x in typing.get_args(hint) if x is not types.NoneType]
  return max(kinds, key=lambda kind: typing.get_origin(kind) in _LISTS)


def _define(name: str, hint: Any, default: Any, text: str) -> None:
  required = default is dataclasses.MISSING
  shared: dict[str, Any] = {'required': required}
  default = None if required else default
  if default is not None:  # It is shown beside the help.
    text = _DEFAULT.sub('', text)
  hint = _without_none(hint)
  origin = typing.get_origin(hint) or hint
  simple = {
    str: flags.DEFINE_string,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_bool,
  }
  if origin is typing.Literal:
    choices = list(typing.get_args(hint))
    flags.DEFINE_enum(name, default, choices, text, **shared)
  elif origin in _LISTS:
    default = None if default is None else list(default)
    flags.DEFINE_list(name, default, text, **shared)
  elif hasattr(hint, 'parse'):
    flags.DEFINE(
      _Parser(hint),
      name,
      default,
      text,
      serializer=flags.ArgumentSerializer(),
      **shared,
    )
  elif hint in simple:
    simple[hint](name, default, text, **shared)
  else:
    raise TypeError(f'no flag can be made of {name}: {hint}')


def define(
  config: Any,
  *,
  hide: Collection[str] = (),
  rename: Mapping[str, str] | None = None,
) -> None:
  """Defines the flags of a config; flags that are there already stay.

  Args:
    config: Dataclass.
    hide: Fields that get no flag.
    rename: Flag of a field, where it is not the name of the field.

  Raises:
    TypeError: A field has no help, or a type of which no flag can be made.
  """
  _renamed.update(rename or {})
  hints, docs = typing.get_type_hints(config), _docs(config)
  for field in dataclasses.fields(config):
    name = _renamed.get(field.name, field.name)
    if field.name in hide or name in flags.FLAGS:
      continue
    if field.name not in docs:
      raise TypeError(f'{config.__name__}.{field.name} has no help')
    _define(name, hints[field.name], _default(field), docs[field.name])


def make(config: type[_Config], **given: Any) -> _Config:
  """Makes a config from the flags.

  Args:
    config: Dataclass, as in `define`.
    **given: Values of fields that replace their flags.

  Returns:
    The config; fields without a flag have their defaults.

  Raises:
    ValueError: As the class raises it.
  """
  values = {}
  for name, hint in typing.get_type_hints(config).items():
    flag = _renamed.get(name, name)
    if flag in flags.FLAGS:
      value, hint = flags.FLAGS[flag].value, _without_none(hint)
      if value is not None and typing.get_origin(hint) in _LISTS:
        value = tuple(map(typing.get_args(hint)[0], value))
      values[name] = value
  return config(**{**values, **given})


def name_flags(text: str) -> str:
  """Turns each `` `field` `` of a text that is a flag into `--flag`."""

  def replace(match: re.Match) -> str:
    name = _renamed.get(match[1], match[1])
    return f'--{name}' if name in flags.FLAGS else match[0]

  return _NAME.sub(replace, text)


def name_flags_in_help() -> None:
  """Does this in the help of all flags, once all are defined."""
  for name in flags.FLAGS:
    flag = flags.FLAGS[name]
    flag.help = name_flags(flag.help)
