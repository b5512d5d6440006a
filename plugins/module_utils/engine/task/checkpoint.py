# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `checkpoint`: containers frozen, thawed, and moved as archives or images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .checkpoint_deeds import Done
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "aliases": ["container"]},
    "pod": {"type": "str"},
    "state": {
        "type": "str",
        "default": "checkpointed",
        "choices": ["checkpointed", "restored", "exported", "imported", "absent"],
    },
    "dest": {"type": "path"},
    "fetch": {"type": "bool", "default": False},
    "src": {"type": "path"},
    "remote_src": {"type": "bool", "default": True},
    "src_previous": {"type": "path"},
    "image": {"type": "str"},
    "create_image": {"type": "str"},
    "force": {"type": "bool", "default": True},
    "leave_running": {"type": "bool", "default": False},
    "keep": {"type": "bool", "default": False},
    "tcp_established": {"type": "bool", "default": False},
    "file_locks": {"type": "bool", "default": False},
    "ext_unix_sk": {"type": "bool", "default": False},
    "ignore_rootfs": {"type": "bool", "default": False},
    "ignore_volumes": {"type": "bool", "default": False},
    "ignore_previous": {"type": "bool", "default": False},
    "ignore_static_ip": {"type": "bool", "default": False},
    "ignore_static_mac": {"type": "bool", "default": False},
    "publish": {"type": "list", "elements": "str", "aliases": ["ports", "published", "published_ports"]},
    "pre_checkpoint": {"type": "bool", "default": False},
    "with_previous": {"type": "bool", "default": False},
    "compression": {"type": "str", "default": "zstd", "choices": ["zstd", "gzip", "none"]},
    "compression_level": {"type": "int"},
    "print_stats": {"type": "bool", "default": False},
    "criu_path": {"type": "path"},
    "trust": {"type": "bool", "default": False},
    "stage": {"type": "dict"},
    "executable": EXECUTABLE,
}
RULES = {
    "required_if": [
        ["state", "checkpointed", ["name", "pod"], True],
        ["state", "restored", ["name", "pod"], True],
        ["state", "exported", ["name", "dest"]],
        ["state", "imported", ["src", "image"], True],
        ["state", "absent", ["name", "dest"], True],
    ],
    "mutually_exclusive": [["src", "image"], ["pre_checkpoint", "with_previous"]],
}


def reconcile(request: Request) -> Result:
    from . import checkpoint_archives as archives
    from . import checkpoint_deeds as deeds
    from . import checkpoint_pods as pods

    _refuse_together(request)
    session = request.session()
    if not request.check:
        from ..container.reconcile import put_right

        put_right(session)
    of_one_or_all = pods if pods.whole(request) else deeds
    deed = {
        "checkpointed": of_one_or_all.checkpointed,
        "restored": of_one_or_all.restored,
        "exported": archives.exported,
        "imported": archives.imported,
        "absent": deeds.absent,
    }[request.text("state")]
    done = deed(request, session)
    return _result(request, session, done)


def _refuse_together(request: Request) -> None:
    """Options that mean nothing for a state are errors, and not passed over in silence."""
    from . import checkpoint_pods as pods

    state = request.text("state")
    only = {
        "leave_running": ("checkpointed", "exported"),
        "pre_checkpoint": ("checkpointed", "exported"),
        "with_previous": ("checkpointed", "exported"),
        "create_image": ("checkpointed",),
        "pod": ("checkpointed", "restored", "imported"),
        "publish": ("imported",),
        "src": ("imported",),
        "src_previous": ("imported",),
        "image": ("imported",),
        "trust": ("imported",),
        "dest": ("exported", "absent"),
        "fetch": ("exported",),
        "ignore_previous": ("exported",),
        "ignore_static_ip": ("restored", "imported"),
        "ignore_static_mac": ("restored", "imported"),
        "ignore_rootfs": ("checkpointed", "exported", "imported"),
        "ignore_volumes": ("checkpointed", "exported", "imported"),
        "compression_level": ("exported",),
    }
    for name, states in only.items():
        if request.params.get(name) and state not in states:
            raise BadInput(
                f"read {name}", f"it has no meaning with state {state}", f"It goes with {' or '.join(states)}"
            )
    packs = state == "exported" or request.text("create_image")
    for name in ("ignore_rootfs", "ignore_volumes"):
        if state == "checkpointed" and request.flag(name) and not packs:
            raise BadInput(f"read {name}", "it has a meaning only where something is packed: create_image, or exported")
    if not request.flag("remote_src") and not request.text("src"):
        raise BadInput("read remote_src", "it says where src is, and there is no src")
    if request.flag("ignore_previous") and not request.flag("with_previous"):
        raise BadInput("read ignore_previous", "there is an earlier round only with with_previous")
    if request.text("create_image") and request.flag("pre_checkpoint"):
        raise BadInput("read create_image", "an earlier round is no checkpoint, and makes no image")
    if pods.whole(request):
        pods.refuse_together(request)


def _result(request: Request, session: Session, done: Done) -> Result:
    from ..container.inspect import inspect
    from ..container.lookup import by_id
    from .checkpoint_deeds import kept
    from .checkpoint_pods import result, whole

    container = by_id(session, done.container.id) if done.container is not None else None
    value: Json = {**kept(container), **done.more}
    extra: Json = {
        "container": inspect(session, container) if container is not None else {},
        "stdout": "",
        "stderr": "",
    }
    if whole(request):
        value, more = result(request, session)
        extra.update(more)
    if request.flag("print_stats"):
        extra["statistics"] = done.statistics
    return Result(
        value,
        changed=bool(done.actions),
        actions=done.actions,
        before=done.before if done.actions else None,
        after=done.after if done.actions else None,
        extra=extra,
    )


# What an archive says travels in a stage, with the environment of its container: that is not for the host's log.
NOUN = Noun("checkpoint", OPTIONS, reconcile, rules=RULES, nested=True)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
