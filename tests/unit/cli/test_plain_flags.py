"""Command lines that are read without argparse are read as argparse reads them."""

from __future__ import annotations

import random

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.cli import context, main, plain_flags

WORDS = ["web", "a b", "", "-", "5", "-5", "x=y", "json", "true", "--", "-x", "KILL", "created", "running"]
COMMANDS = sorted({**main._COMMANDS, **main._HIDDEN})


def _lines(spellings: dict[str, bool], count: int) -> list[list[str]]:
    maker, lines = random.Random(11), []
    names = sorted(spellings)
    for _turn in range(count):
        line: list[str] = []
        for _word in range(maker.randrange(6)):
            name = maker.choice(names)
            line += maker.choice(
                [
                    [name],
                    [name, maker.choice(WORDS)],
                    [f"{name}={maker.choice(WORDS)}"],
                    [maker.choice(WORDS)],
                    ["web"],
                    [name[:3]],
                ]
            )
        lines.append(line)
    return lines


@pytest.mark.parametrize("word", COMMANDS)
def test_as_argparse(word: str) -> None:
    parser = main._parser(word)
    if parser._table:
        return
    spellings = {name: value for name, value in parser.flags().items() if name != "--help"}
    for line in _lines(spellings, 300) if spellings else [[], ["web"]]:
        plain = plain_flags.read(parser._told, line)
        if plain is not None:
            try:
                expected = vars(main._parser(word)._options.read(list(line)))
            except context.Usage as error:
                raise AssertionError(f"{line} is wrong: {error}") from error
            assert vars(plain) == expected, line


@pytest.mark.parametrize(
    "line",
    (
        "ps -a",
        "ps -a --format json --filter status=running --filter name=x",
        "ps -q --no-trunc -n 3 --sort names",
        "rm -f -t 0 -a",
        "rm --force web db",
        "rm web db -f",
        "start web",
        "stop -t 5 web",
        "port web",
        "cleanup --stopped-only --rm web",
    ),
)
def test_what_people_and_monitors_say_needs_no_argparse(line: str) -> None:
    word, *rest = line.split()
    assert plain_flags.read(main._parser(word)._told, rest) is not None


def test_a_default_list_is_nobodys_twice() -> None:
    parser = main._parser("ps")
    first = plain_flags.read(parser._told, ["--filter", "a=b"])
    second = plain_flags.read(parser._told, [])
    assert first is not None and second is not None
    assert (first.filter, second.filter) == (["a=b"], [])
