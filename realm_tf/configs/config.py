# Copyright 2026 The realm_tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The base of all configurations."""

import dataclasses
import typing
from typing import Any, TypeVar

_Part = TypeVar('_Part', bound='Config')


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
  """A flat set of named values, checked when it is made.

  Larger configurations inherit from smaller ones, so that each value has one
  name. The `Attributes:` section of a class describes the fields it adds.
  """

  def __post_init__(self) -> None:
    """Checks each field; subclasses extend it.

    Raises:
      ValueError: Names the field in backquotes.
    """
    for field in dataclasses.fields(self):
      # The field's own type, and those of an optional one.
      for kind in (field.type, *typing.get_args(field.type)):
        if typing.get_origin(kind) is not typing.Literal:
          continue
        choices = typing.get_args(kind)
        value = getattr(self, field.name)
        if value not in choices and (kind is field.type or value is not None):
          raise ValueError(
            f'`{field.name}` must be one of {", ".join(choices)}. Received:'
            f' {value!r}'
          )

  def check_at_least(self, least: float, *names: str) -> None:
    """Checks that fields which are set are not below `least`."""
    for name in names:
      value = getattr(self, name)
      if value is not None and value < least:
        raise ValueError(
          f'`{name}` must be at least {least}. Received: {value}'
        )

  def check_rate(self, *names: str) -> None:
    """Checks that fields are between 0 and 1."""
    for name in names:
      value = getattr(self, name)
      if not 0 <= value <= 1:
        raise ValueError(f'`{name}` must be between 0 and 1. Received: {value}')

  def part(self, part: type[_Part]) -> _Part:
    """The values of the fields that another configuration class has, too."""
    names = [field.name for field in dataclasses.fields(part)]
    return part(**{name: getattr(self, name) for name in names})

  def to_dict(self) -> dict[str, Any]:
    """The values by name."""
    return dataclasses.asdict(self)
