# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The value of a podman secret, from the files of its driver "file" (containers/common, pkg/secrets)."""

from __future__ import annotations

import os
from base64 import b64decode

from ..base import jsonval
from ..base.errors import BadInput, Corrupt, NotFound
from ..base.files import read_json
from ..base.jsonval import Json


def read(directory: str, name: str) -> str:
    """The text of the secret named so.  Raises NotFound, Corrupt, BadInput for another driver or for bytes."""

    deed = f"read the secret {name}"
    table = _table(os.path.join(directory, "secrets.json"), deed)
    identity = jsonval.text(jsonval.table(table, "nameToID"), name) or name
    record = jsonval.table(jsonval.table(table, "secrets"), identity)
    if not record:
        raise NotFound(deed, "there is no such secret")
    driver = jsonval.text(record, "driver", "file")
    if driver != "file":
        raise BadInput(deed, f"it is kept by the driver {driver}, only those of the driver file can be read")
    path = jsonval.text_map(record, "driverOptions").get("path") or os.path.join(directory, "filedriver")
    values = _table(os.path.join(path, "secretsdata.json"), deed)
    packed = values.get(identity)
    if not isinstance(packed, str):
        raise Corrupt(deed, "its value is missing")
    try:
        value = b64decode(packed, validate=True)
    except ValueError:  # binascii.Error, and what base64 says of letters beyond ASCII
        raise Corrupt(deed, "its value is not base64")
    try:
        return value.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadInput(deed, "it is not text")


def _table(path: str, deed: str) -> Json:
    try:
        found = read_json(path)
    except FileNotFoundError:
        raise NotFound(deed, "there is no such secret")
    except OSError as err:
        raise BadInput(deed, f"{path}: {err.strerror}")
    return found if isinstance(found, dict) else {}
