"""Nothing that a container prints is lost: the attach socket and the log, also from hostile printers."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, NotFound, TimedOut
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import attach, conmon, exits, logs
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.liveness import monitor_alive

from .conftest import Box, Container, until

pytestmark = pytest.mark.integration

MIB = 1024 * 1024


class Sink:
    def __init__(self) -> None:
        self.out: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

    def __call__(self, stream: str, data: bytes) -> None:
        self.out[stream] += data


def _collect(web: Container, feed: attach.Input | None = None, seconds: float = 120) -> Sink:
    sink = Sink()
    web.create()
    with attach.connect(str(web.bundle), "web") as attached:
        web.start()
        attached.stream(sink, feed, seconds)
    return sink


def _lines(web: Container, query: logs.LogQuery = logs.LogQuery()) -> list[logs.LogLine]:  # noqa: B008
    source = logs.LogSource("k8s-file", "web", web.cid, str(web.log))
    return list(logs.read(web.box.runner, source, query, lambda: exits.may_print(web.paths, web.init)))


def test_both_streams_apart_and_whole(box: Box) -> None:
    web = box.make(["/bin/sh", "-c", "echo out; echo err >&2; printf end; exit 9"])
    sink = _collect(web)
    assert sink.out == {"stdout": b"out\nend", "stderr": b"err\n"}
    assert web.wait().code == 9


def test_a_slow_reader_loses_nothing(box: Box) -> None:
    web = box.make(["/bin/sh", "-c", "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done"])
    web.create()
    sink = Sink()

    def slowly(stream: str, data: bytes) -> None:
        time.sleep(0.001)
        sink(stream, data)

    with attach.connect(str(web.bundle), "web") as attached:
        web.start()
        attached.stream(slowly, seconds=120)
    assert sink.out["stdout"].decode().splitlines() == [f"line {i}" for i in range(2000)]


def test_standard_input_is_fed_and_closed(box: Box) -> None:
    web = box.make(["/bin/cat"], request={"stdin": True})
    data = bytes(range(256)) * 4096
    assert _collect(web, attach.Input(data)).out["stdout"] == data
    assert web.wait().code == 0


def test_standard_input_from_a_descriptor(box: Box, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("in") / "data"
    file.write_bytes(b"from a file\n")
    web = box.make(["/bin/cat"], request={"stdin": True})
    with file.open("rb") as handle:
        assert _collect(web, attach.Input(b"first\n", handle.fileno())).out["stdout"] == b"first\nfrom a file\n"


def test_feeding_a_program_that_does_not_read(box: Box) -> None:
    web = box.make(["/bin/sh", "-c", "exec 0<&-; echo done"], request={"stdin": True})
    assert _collect(web, attach.Input(b"x" * 5 * MIB)).out["stdout"] == b"done\n"


def test_a_terminal(box: Box) -> None:
    web = box.make(["/bin/sh", "-c", "tty; cat"], request={"terminal": True}, terminal=True)
    sink = _collect(web, attach.Input(b"typed\n\x04"))
    assert b"/dev/pts/0\r\n" in sink.out["stdout"] and sink.out["stdout"].count(b"typed\r\n") == 2
    assert web.wait().code == 0


def test_attaching_gives_up_at_the_deadline(box: Box) -> None:
    web = box.make(["/bin/sleep", "1000"])
    with pytest.raises(TimedOut, match="container web"):
        _collect(web, seconds=0.2)


def test_attaching_to_what_does_not_run(box: Box) -> None:
    web = box.shell("exit 0")
    web.wait()
    until(lambda: not monitor_alive(web.init))
    with pytest.raises(NotFound, match="attach to container web"):
        attach.connect(str(web.bundle), "web")
    with pytest.raises(NotFound):
        attach.connect(str(web.bundle / "nowhere"), "web")


def test_ten_megabytes_without_a_newline(box: Box) -> None:
    web = box.make(["/bin/sh", "-c", "head -c 10485760 /dev/zero; echo; echo after"])
    sink = _collect(web)
    assert len(sink.out["stdout"]) == 10 * MIB + 1 + len("after\n")
    web.wait()
    lines = _lines(web)
    assert sum(len(line.data) for line in lines) == 10 * MIB + len("after")
    assert max(len(line.data) for line in lines) <= logs.LINE_LIMIT + 8192
    assert [line.complete for line in lines[:3]] == [False] * 3
    assert lines[-1].data == b"after" and lines[-1].complete
    assert [line.data for line in _lines(web, logs.LogQuery(tail=1))] == [b"after"]


def test_bytes_that_are_not_text(box: Box) -> None:
    web = box.shell(r"printf '\377\376 \001\n\302\n'; printf 'no end'")
    web.wait()
    assert [(line.data, line.complete) for line in _lines(web)] == [
        (b"\xff\xfe \x01", True),
        (b"\xc2", True),
        (b"no end", False),
    ]


def test_a_container_cannot_forge_log_lines(box: Box) -> None:
    web = box.shell("echo '2020-01-01T00:00:00.000000000+00:00 stderr F forged'")
    web.wait()
    (line,) = _lines(web)
    assert (line.stream, line.data[-6:]) == ("stdout", b"forged")
    assert line.time_ns > 1_700_000_000 * 10**9


def test_following_to_the_end(box: Box) -> None:
    web = box.shell("i=0; while [ $i -lt 40 ]; do echo $i; i=$((i+1)); sleep 0.01; done; echo last >&2")
    lines = _lines(web, logs.LogQuery(follow=True))
    assert [line.data.decode() for line in lines] == [*map(str, range(40)), "last"]
    assert lines[-1].stream == "stderr"


def test_following_only_the_tail(box: Box) -> None:
    web = box.shell("echo a; echo b; echo c; until test -e /tmp/go; do sleep 0.1; done; echo d")
    until(lambda: web.text().count("\n") == 3)
    said = []
    source = logs.LogSource("k8s-file", "web", web.cid, str(web.log))
    query = logs.LogQuery(tail=1, follow=True)
    for line in logs.read(box.runner, source, query, lambda: exits.may_print(web.paths, web.init)):
        said.append(line.data)
        (box.base / "rootfs/tmp/go").touch()
    assert said == [b"c", b"d"]


def test_the_size_limit_holds_and_following_survives_it(box: Box) -> None:
    web = box.make(
        ["/bin/sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; sleep 0.4; echo end"]
    )
    web.request = web.request._replace(log=conmon.LogTarget("k8s-file", str(web.log), size_max=16384))
    web.create()
    found: list[str] = []
    reader = threading.Thread(
        target=lambda: found.extend(x.data.decode() for x in _lines(web, logs.LogQuery(follow=True)))
    )
    web.start()
    reader.start()
    web.wait()
    reader.join(60)
    assert not reader.is_alive()
    assert web.log.stat().st_size <= 16384 + 8192
    assert found[-1] == "end"
    assert _lines(web)[-1].data == b"end"


def test_since_and_until(box: Box) -> None:
    web = box.shell("for word in a b c; do until test -e /tmp/$word; do sleep 0.05; done; echo $word; done")
    for number, word in enumerate("abc"):
        until(lambda number=number: web.text().count("\n") == number)  # what comes together gets one time
        (box.base / "rootfs/tmp" / word).touch()
    web.wait()
    a, b, c = _lines(web)
    assert [x.data for x in _lines(web, logs.LogQuery(since_ns=b.time_ns))] == [b"b", b"c"]
    assert [x.data for x in _lines(web, logs.LogQuery(until_ns=b.time_ns))] == [b"a", b"b"]
    assert [x.data for x in _lines(web, logs.LogQuery(since_ns=a.time_ns, until_ns=b.time_ns, tail=1))] == [b"b"]


def test_no_log_is_said(box: Box) -> None:
    web = box.make(["/bin/echo", "gone"])
    web.request = web.request._replace(log=conmon.LogTarget("none"))
    web.create().start().wait()
    assert not web.log.exists()
    with pytest.raises(BadInput, match="its log driver none keeps none"):
        logs.read(box.runner, logs.LogSource("none", "web"), logs.LogQuery())


def test_passing_output_through(box: Box, tmp_path: object) -> None:
    path = box.base / "through"
    web = box.make(["/bin/sh", "-c", "echo direct; exit 3"])
    with path.open("wb") as out, open("/dev/null", "rb") as nothing:
        fds = (nothing.fileno(), out.fileno(), out.fileno())
        web.request = web.request._replace(log=conmon.LogTarget("passthrough"), stdio=fds)
        web.create().start()
        assert web.wait().code == 3
    assert path.read_bytes() == b"direct\n"
