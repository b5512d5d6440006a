# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`dataclass(frozen=True)` without the price: the standard one writes and compiles source for each class it makes.

That is a quarter to four milliseconds per class, in every task and every command. Here methods are closures over the
list of fields. Type checkers see the standard library's names. What is left out: ordering, slots, mutable classes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass, field, fields, replace
else:
    _MISSING = object()
    _FIELDS = "__value_fields__"

    class _Factory:
        __slots__ = ("make",)

        def __init__(self, make):
            self.make = make

    class Field:
        """`name`, and `default`: a value, a _Factory, or _MISSING; `shown` in the repr."""

        __slots__ = ("default", "name", "shown")

        def __init__(self, name, default, shown):
            self.name = name
            self.default = default
            self.shown = shown

    class _Described:
        __slots__ = ("default", "shown")

        def __init__(self, default, shown):
            self.default = default
            self.shown = shown

    def field(*, default=_MISSING, default_factory=None, repr=True):
        """A default made anew for each instance, or a field that the repr leaves out."""
        return _Described(_Factory(default_factory) if default_factory is not None else default, repr)

    def fields(value):
        return getattr(value, _FIELDS)

    def replace(value, **changes):
        """A copy with some fields changed. Raises TypeError for a name that is no field."""
        found = {one.name: value.__dict__[one.name] for one in getattr(value, _FIELDS)}
        found.update(changes)
        return type(value)(**found)

    def dataclass(*, frozen):
        if not frozen:
            raise TypeError("values are frozen")
        return _make

    def _make(cls):
        table = {one.name: one for base in reversed(cls.__mro__[1:]) for one in base.__dict__.get(_FIELDS, ())}
        for name, annotation in _annotations(cls).items():
            if str(annotation).startswith("ClassVar"):
                continue
            default, shown = cls.__dict__.get(name, _MISSING), True
            if isinstance(default, _Described):
                default, shown = default.default, default.shown
                delattr(cls, name)
            table[name] = Field(name, default, shown)
        declared = tuple(table.values())
        setattr(cls, _FIELDS, declared)
        cls.__init__ = _init(cls.__name__, declared, getattr(cls, "__post_init__", None))
        names = tuple(table)
        cls.__eq__ = lambda self, other: (
            _key(self, names) == _key(other, names) if other.__class__ is self.__class__ else NotImplemented
        )
        cls.__hash__ = lambda self: hash(_key(self, names))
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = lambda self: _shown(self, declared)
        cls.__setattr__ = cls.__delattr__ = _refuse
        return cls

    def _annotations(cls):
        """Those of the class itself; before Python 3.10 the attribute may be that of a base."""
        found = cls.__dict__.get("__annotations__")
        return found or {} if found is not None or sys.version_info < (3, 10) else cls.__annotations__

    def _key(value, names):
        found = value.__dict__
        return tuple(found[name] for name in names)

    def _shown(value, declared):
        parts = ", ".join(f"{one.name}={value.__dict__[one.name]!r}" for one in declared if one.shown)
        return f"{type(value).__qualname__}({parts})"

    def _refuse(self, name, *value):
        raise AttributeError(f"cannot change field {name!r} of a {type(self).__name__}")

    def _init(title, declared, then):
        names = [one.name for one in declared]
        plain = {one.name: one.default for one in declared if not _made(one.default)}
        made = [(one.name, one.default.make) for one in declared if isinstance(one.default, _Factory)]
        required = {one.name for one in declared if one.default is _MISSING}
        known = frozenset(names)

        def __init__(self, *values, **named):
            found = dict(plain)
            if values:
                if len(values) > len(names):
                    raise TypeError(f"{title} takes {len(names)} values but {len(values)} were given")
                for name, value in zip(names, values):
                    if name in named:
                        raise TypeError(f"{title} got several values for {name!r}")
                    named[name] = value
            if not named.keys() <= known:
                raise TypeError(f"{title} has no field {', '.join(sorted(named.keys() - known))}")
            if not required <= named.keys():
                raise TypeError(f"{title} lacks {', '.join(sorted(required - named.keys()))}")
            found.update(named)
            for name, make in made:
                if name not in named:
                    found[name] = make()
            self.__dict__.update(found)
            if then is not None:
                then(self)

        return __init__

    def _made(default):
        return default is _MISSING or isinstance(default, _Factory)


__all__ = ["dataclass", "field", "fields", "replace"]
