# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets of podman's file driver: secrets.json names them, filedriver/secretsdata.json has the values.

Both files are replaced as wholes, under the locks that podman takes. A value is written before the secret is named and
goes after it, so that no named secret is ever without one; what an interruption leaves is a value without a name, which
the next change drops.
"""

from __future__ import annotations

import base64
import binascii
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import Conflict, Corrupt, Damaged, HostLacks, NotFound
from ..base.files import atomic_write, read_json
from ..base.steps import reached
from ..base.tuples import NamedTuple
from .desired import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..base.jsonval import Json

_ID_LENGTH = 25
_LIMIT = 256 << 20


class Secret(NamedTuple):
    """What is known of a secret beside its value. `record` is libpod's, as containers keep it of theirs."""

    record: Json

    @property
    def name(self) -> str:
        return jsonval.text(self.record, "name")

    @property
    def id(self) -> str:
        return jsonval.text(self.record, "id")

    @property
    def labels(self) -> dict[str, str]:
        return jsonval.text_map(self.record, "labels")

    @property
    def driver(self) -> str:
        return jsonval.text(self.record, "driver") or FILE

    @property
    def options(self) -> dict[str, str]:
        return jsonval.text_map(self.record, "driverOptions")

    @property
    def created(self) -> str:
        return jsonval.text(self.record, "createdAt")

    @property
    def updated(self) -> str:
        return jsonval.text(self.record, "updatedAt")


class SecretStore:
    """The secrets below `directory`. Looking takes no lock: each file is complete at every moment."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.values_directory = os.path.join(directory, "filedriver")
        self._table = os.path.join(directory, "secrets.json")
        self._values = os.path.join(self.values_directory, "secretsdata.json")

    def all(self) -> list[Secret]:
        """Sorted by name."""
        return sorted(self._read_table().values(), key=lambda secret: secret.name)

    def get(self, name: str) -> Secret | None:
        """By exact name."""
        return next((secret for secret in self._read_table().values() if secret.name == name), None)

    def find(self, text: str) -> Secret | None:
        """By id, name, or the beginning of an id that no other secret has, as podman takes them. Raises Conflict."""
        table = self._read_table()
        if text in table:
            return table[text]
        named = next((secret for secret in table.values() if secret.name == text), None)
        if named is not None or not text:
            return named
        found = [secret for key, secret in table.items() if key.startswith(text)]
        if len(found) > 1:
            raise Conflict(f"find secret {text}", "more than one secret has an id that begins so")
        return found[0] if found else None

    def value(self, secret: Secret) -> bytes:
        """Raises NotFound for a secret of another driver, or one that was removed meanwhile; Damaged."""
        deed = f"read secret {secret.name}"
        if secret.driver != FILE:
            raise NotFound(deed, f"its value is with the secret driver {secret.driver}, which is not supported")
        path = os.path.join(secret.options.get("path") or self.values_directory, os.path.basename(self._values))
        text = _read(path).get(secret.id)
        if not isinstance(text, str):
            raise NotFound(deed, "there is no value for it")
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Damaged(deed, "its value is not what podman writes", "Store it again") from None

    def add(self, name: str, value: bytes, labels: Mapping[str, str], *, replace: bool = False) -> Secret:
        """Store a new secret; with `replace`, in the place of one of that name.

        Another value gives another id, as with podman: containers made with the former can be told from others.
        Raises Conflict when the name is taken, HostLacks.
        """
        with self._changing(f"store secret {name}") as table:
            old = next((secret for secret in table.values() if secret.name == name), None)
            if old is not None and not replace:
                raise Conflict(f"store secret {name}", "there is a secret of that name already")
            moment = clock.now()
            record: Json = {"name": name, "id": _new_id(table)}
            if labels:
                record["labels"] = dict(labels)
            if old is not None and jsonval.table(old.record, "metadata"):
                record["metadata"] = old.record["metadata"]
            record.update(createdAt=old.created if old else moment, updatedAt=moment, driver=FILE)
            record["driverOptions"] = {"path": self.values_directory}
            added = Secret(record)
            self._change_values(table, added.id, value)
            reached("secret-value-written")
            kept = {key: secret for key, secret in table.items() if old is None or key != old.id}
            self._write_table({**kept, added.id: added})
            reached("secret-named")
            if old is not None and old.driver == FILE:
                self._change_values({**kept, added.id: added})
                reached("secret-value-dropped")
        return added

    def relabel(self, name: str, labels: Mapping[str, str]) -> Secret:
        """Give an existing secret these labels and no others. Raises NotFound."""
        with self._changing(f"label secret {name}") as table:
            old = next((secret for secret in table.values() if secret.name == name), None)
            if old is None:
                raise NotFound(f"label secret {name}", "it was removed meanwhile")
            record = {key: value for key, value in old.record.items() if key != "labels"}
            if labels:
                record["labels"] = dict(labels)
            record["updatedAt"] = clock.now()
            changed = Secret(record)
            self._write_table({**table, old.id: changed})
            reached("secret-relabelled")
        return changed

    def remove(self, identity: str) -> bool:
        """By id; False when it is not there."""
        if identity not in self._read_table():
            return False
        with self._changing("remove a secret") as table:
            gone = table.pop(identity, None)
            if gone is None:
                return False
            self._write_table(table)
            reached("secret-unnamed")
            if gone.driver == FILE:
                self._change_values(table)
                reached("secret-value-dropped")
        return True

    @contextmanager
    def _changing(self, deed: str) -> Iterator[dict[str, Secret]]:
        from ..base.locks import FileLock

        try:
            for directory in (self.directory, self.values_directory):
                os.makedirs(directory, mode=0o700, exist_ok=True)
            with FileLock(os.path.join(self.directory, "secrets.lock")):
                yield self._read_table()
        except OSError as error:
            raise HostLacks(deed, f"{error.filename or self.directory}: {error.strerror}") from error

    def _change_values(self, table: Mapping[str, Secret], identity: str = "", value: bytes = b"") -> None:
        """Write one value, and drop those that no secret has."""
        from ..base.locks import FileLock

        with FileLock(os.path.join(self.values_directory, "secretsdata.lock")):
            values = {key: text for key, text in _read(self._values).items() if key in table}
            if identity:
                values[identity] = base64.b64encode(value).decode()
            _write(self._values, values)

    def _read_table(self) -> dict[str, Secret]:
        secrets = jsonval.table(_read(self._table), "secrets")
        found = {key: Secret(record) for key, record in secrets.items() if isinstance(record, dict)}
        return {key: secret for key, secret in found.items() if secret.name}

    def _write_table(self, table: Mapping[str, Secret]) -> None:
        whole: Json = {
            "secrets": {key: secret.record for key, secret in table.items()},
            "nameToID": {secret.name: key for key, secret in table.items()},
            "idToName": {key: secret.name for key, secret in table.items()},
        }
        _write(self._table, whole)


def _read(path: str) -> Json:
    """Raises Damaged. The message of a parser may quote what it read, so it is not passed on."""
    try:
        content = read_json(path, _LIMIT)
    except FileNotFoundError:
        return {}
    except Corrupt:
        raise Damaged(f"read {path}", "it is not JSON") from None
    except OSError as error:
        raise HostLacks(f"read {path}", error.strerror or "it cannot be read") from error
    if not isinstance(content, dict):
        raise Damaged(f"read {path}", "it is not a JSON object")
    return content


def _write(path: str, value: Json) -> None:
    import json

    atomic_write(path, json.dumps(value, indent=2, ensure_ascii=False).encode(), mode=0o600)


def _new_id(table: Mapping[str, Secret]) -> str:
    """podman takes 25 digits of a random id."""
    from ..base.ids import new_id

    while True:
        made = new_id()[:_ID_LENGTH]
        if made not in table:
            return made
