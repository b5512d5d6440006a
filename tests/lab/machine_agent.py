"""Process 1 of a test machine: starts commands for the test outside, and reaps what nobody waits for.

One connection is one command. The client sends a single JSON message with three file descriptors (standard input,
output, error) beside it, and later, if it likes, signal numbers, a word each; the agent answers with the command's
process id at once, and with its exit code when it has ended: one JSON line each. Standard library only, any Python
from 3.9 on: this is what the machine's operating system has.
"""

from __future__ import annotations

import json
import os
import pwd
import selectors
import signal
import socket
import traceback

LISTENER = 3
MESSAGE_LIMIT = 1 << 20


def become(request: dict) -> None:
    """In the child: the user, directory and descriptors that the request names."""
    os.setsid()
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP) and number not in (32, 33):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)
    user = request.get("user")
    if user:
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    os.chdir(request.get("cwd") or "/")


def start(request: dict, descriptors: list) -> int:
    child = os.fork()
    if child:
        return child
    try:
        for target, source in enumerate(descriptors):
            os.dup2(source, target)
        os.closerange(3, 1024)
        become(request)
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    os._exit(127)


class Agent:
    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(fileno=LISTENER)
        self.listener.set_inheritable(False)
        self.clients = {}
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.wake_read = wake_read
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *ignored: None)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(wake_read, selectors.EVENT_READ)

    def accept(self) -> None:
        client = self.listener.accept()[0]
        message, descriptors, flags, address = socket.recv_fds(client, MESSAGE_LIMIT, 3)
        try:
            child = start(json.loads(message), descriptors)
            client.sendall(json.dumps({"pid": child}).encode() + b"\n")
        except (ValueError, OSError):  # it hung up before it had said what it wants
            client.close()
            return
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self.clients[child] = client
        self.selector.register(client, selectors.EVENT_READ, child)

    def forward_signals(self, client: socket.socket, child: int) -> None:
        if self.clients.get(child) is not client:
            return  # it ended and was reaped a moment ago
        try:
            words = client.recv(64).split()
        except OSError:
            words = []
        if not words:  # the client is gone: so is its interest, but the command may be a daemon in the making
            self.selector.unregister(client)
        for word in words:
            try:
                os.killpg(child, int(word))
            except ProcessLookupError:  # it has not come to a session of its own yet; reaped it is not either
                os.kill(child, int(word))

    def reap(self) -> None:
        os.read(self.wake_read, 4096)
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not child:
                return
            client = self.clients.pop(child, None)
            if client is None:
                continue
            try:
                client.sendall(json.dumps({"rc": os.waitstatus_to_exitcode(status)}).encode() + b"\n")
            except OSError:
                pass
            if client in [key.fileobj for key in self.selector.get_map().values()]:
                self.selector.unregister(client)
            client.close()

    def serve(self) -> None:
        while True:
            for key, _events in self.selector.select():
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj == self.wake_read:
                    self.reap()
                else:
                    self.forward_signals(key.fileobj, key.data)


if __name__ == "__main__":
    os.closerange(4, 1024)
    Agent().serve()
