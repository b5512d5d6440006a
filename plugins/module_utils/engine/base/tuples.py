# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`typing.NamedTuple` without the price: the standard one compiles source for each class it makes.

That is a fifth of a millisecond per class, and a short command makes sixty of them. Here all classes share their
functions. Type checkers see the standard library's name. What is left out: `_make`, and making classes by a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    try:
        from _collections import _tuplegetter  # what collections.namedtuple has its fields read by
    except ImportError:
        from operator import itemgetter

        def _tuplegetter(place, _doc):
            return property(itemgetter(place))

    _new = tuple.__new__
    _getters = []

    def _getter(place):
        """What reads the field at `place`; classes share it."""
        while len(_getters) <= place:
            _getters.append(_tuplegetter(len(_getters), ""))
        return _getters[place]

    def _construct(cls, *values, **named):
        fields = cls._fields
        if not named and len(values) == len(fields):
            return _new(cls, values)
        rest = fields[len(values) :]
        if len(values) > len(fields) or not named.keys() <= set(rest):
            wrong = sorted(named.keys() - set(rest)) or f"{len(values)} values for {len(fields)} fields"
            raise TypeError(f"{cls.__name__} got {wrong}")
        found = {**cls._field_defaults, **named}
        try:
            return _new(cls, values + tuple([found[name] for name in rest]))
        except KeyError as lacking:
            raise TypeError(f"{cls.__name__} lacks {lacking}") from None

    def _replace(self, **changes):
        """A copy with some fields changed. Raises TypeError for a name that is no field."""
        found = _new(type(self), map(changes.pop, self._fields, self))
        if changes:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(sorted(changes))}")
        return found

    def _asdict(self):
        return dict(zip(self._fields, self))

    def _shown(self):
        parts = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self))
        return f"{type(self).__name__}({parts})"

    def _arguments(self):
        """What copies and pickles are made from."""
        return tuple(self)

    _SHARED = {
        "__new__": _construct,
        "__repr__": _shown,
        "__getnewargs__": _arguments,
        "_replace": _replace,
        "_asdict": _asdict,
    }

    class _Maker(type):
        def __new__(cls, name, bases, space):
            if tuple in bases:
                return super().__new__(cls, name, bases, space)
            fields = tuple(space.get("__annotations__", ()))
            defaults = {field: space[field] for field in fields if field in space}
            for place, field in enumerate(fields):
                space[field] = _getter(place)
            made = {"__slots__": (), "_fields": fields, "_field_defaults": defaults, **_SHARED}
            return type(name, (tuple,), {**made, **space})

    class NamedTuple(tuple, metaclass=_Maker):
        """The base to name; what is made is a plain tuple with names."""

        __slots__ = ()


__all__ = ["NamedTuple"]
