# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image references as values: parse, normalise, combine.

The grammar is that of the distribution specification; the normalisation (``busybox`` means
``docker.io/library/busybox``) is the one every engine on Linux applies, so that names in the store
compare equal byte for byte.
"""

from __future__ import annotations

from ..base import patterns
from ..base.digest import Digest
from ..base.errors import BadInput
from ..base.tuples import NamedTuple

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
#: Longest repository path that a registry has to accept, in characters.
MAX_PATH = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = patterns.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?\Z")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = patterns.compile(rf"{_PART}(?:/{_PART})*\Z")
_TAG = patterns.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")
_HEX64 = patterns.compile(r"[a-f0-9]{64}\Z")


class Reference(NamedTuple):
    """``domain/path[:tag][@digest]``, always with a domain; ``path`` has no leading slash."""

    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """The repository: ``host/path`` without tag or digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar(self) -> str:
        """The repository as people write it: the default registry and its ``library/`` left out."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        return self.path[len("library/") :] if self.path.startswith("library/") else self.path

    def __str__(self) -> str:
        text = self.name
        if self.tag is not None:
            text += ":" + self.tag
        if self.digest is not None:
            text += "@" + str(self.digest)
        return text

    def with_tag(self, tag: str) -> Reference:
        """The same repository under this tag, without a digest.  Raises BadInput for a malformed tag."""
        check_tag(tag)
        return self._replace(tag=tag, digest=None)

    def with_digest(self, digest: Digest) -> Reference:
        """The same repository by digest alone; this is how the store names an image that was pulled by digest."""
        return self._replace(tag=None, digest=digest)

    def with_default_tag(self) -> Reference:
        """Itself, or with ``latest`` where neither tag nor digest was written."""
        if self.tag is None and self.digest is None:
            return self._replace(tag=DEFAULT_TAG)
        return self

    def without_tag(self) -> Reference:
        """The bare repository."""
        return self._replace(tag=None, digest=None)


def check_tag(tag: str) -> str:
    """Return ``tag``; raises BadInput when it is not one."""
    if not _TAG.match(tag):
        deed = f"read image tag {tag!r}"
        raise BadInput(deed, "a tag is up to 128 letters, digits, '_', '.', '-', the first not '.' or '-'")
    return tag


def is_short(text: str) -> bool:
    """Whether the reference names no registry (``busybox``, ``team/app:1``), as the engines decide it."""
    first, slash, _rest = text.partition("/")
    return not slash or not _is_domain_like(first)


def parse(text: str) -> Reference:
    """Parse and normalise; a short name lands on the default registry.

    Raises BadInput with the offending part.  ``docker://`` is accepted in front, since people copy it from commands.
    """
    deed = f"read image reference {text!r}"
    bare = text[len("docker://") :] if text.startswith("docker://") else text
    if not bare:
        raise BadInput(deed, "it is empty")
    if _HEX64.match(bare):
        raise BadInput(deed, "64 hexadecimal digits are an image id, not a name")
    name, digest = _split_digest(deed, bare)
    name, tag = _split_tag(deed, name)
    domain, path = _split_domain(name)
    if not _DOMAIN.match(domain):
        raise BadInput(deed, f"{domain!r} is not a registry host name")
    _check_path(deed, path)
    return Reference(domain, path, tag, digest)


def join(domain: str, text: str) -> Reference:
    """The short name ``text`` on the registry (and optional path prefix) ``domain``; keeps its tag and digest."""
    return parse(f"{domain}/{text}")


def _is_domain_like(part: str) -> bool:
    return "." in part or ":" in part or part == "localhost" or part != part.lower()


def _split_digest(deed: str, text: str) -> tuple[str, Digest | None]:
    name, at, digest = text.partition("@")
    if not at:
        return text, None
    try:
        return name, Digest.parse(digest)
    except BadInput as err:
        raise BadInput(deed, f"the part after '@' is not a digest ({err.cause})")


def _split_tag(deed: str, name: str) -> tuple[str, str | None]:
    slash, colon = name.rfind("/"), name.rfind(":")
    if colon <= slash:
        return name, None
    tag = name[colon + 1 :]
    if not _TAG.match(tag):
        raise BadInput(deed, f"{tag!r} is not a tag")
    return name[:colon], tag


def _split_domain(name: str) -> tuple[str, str]:
    domain, slash, path = name.partition("/")
    if not slash or not _is_domain_like(domain):
        domain, path = DEFAULT_DOMAIN, name
    elif domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = "library/" + path
    return domain, path


def _check_path(deed: str, path: str) -> None:
    if path != path.lower():
        raise BadInput(deed, "the repository name must be lower case")
    if not _PATH.match(path):
        raise BadInput(deed, f"{path!r} is not a repository name")
    if len(path) > MAX_PATH:
        raise BadInput(deed, f"the repository name is longer than {MAX_PATH} characters")


def stored_name(name: str) -> str:
    """Under this host's own name where the wanted one names no registry, as podman does. Raises BadInput."""
    if is_short(name):
        return str(join("localhost", name).with_default_tag())
    return str(parse(name).with_default_tag())
