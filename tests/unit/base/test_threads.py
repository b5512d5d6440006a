"""Deeds in threads of their own."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.threads import in_thread, meanwhile


def test_it_goes_on_meanwhile_and_is_waited_for() -> None:
    gate = threading.Event()
    wait = meanwhile(lambda: gate.wait(10))
    gate.set()
    assert wait() is True
    assert wait() is True


def test_what_it_raises_is_raised_by_who_waits_each_time() -> None:
    wait = meanwhile(lambda: 1 // 0)
    for _turn in range(2):
        with pytest.raises(ZeroDivisionError):
            wait()


def test_a_thread_of_its_own() -> None:
    assert in_thread(threading.get_ident) != threading.get_ident()
