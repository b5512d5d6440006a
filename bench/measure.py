"""Taking turns, and medians."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Deed = Callable[[], None]


@dataclass
class Row:
    """One comparison: `ours` against each of `others`; `goals` are the ratios to reach (ours : other)."""

    name: str
    what: str
    ours: Deed
    others: dict[str, Deed]
    goals: dict[str, float]
    rounds: int = 5
    before: Deed | None = None
    floor: Deed | None = None  # taken off both sides: what is the same for both, such as an empty playbook
    bases: dict[str, Deed] = field(default_factory=dict)  # by side: the same with one task, to get at each further one
    further: int = 1
    above: dict[str, float] = field(default_factory=dict)  # by other side: the ratio to reach above the floor
    times: dict[str, list[float]] = field(default_factory=dict)

    def run(self) -> None:
        deeds = {"ours": self.ours, **self.others, **({"floor": self.floor} if self.floor else {})}
        deeds.update({f"one: {name}": deed for name, deed in self.bases.items()})
        for _round in range(self.rounds):
            for name, deed in deeds.items():
                if self.before:
                    self.before()
                begun = time.perf_counter()
                deed()
                self.times.setdefault(name, []).append(time.perf_counter() - begun)
        self.show()

    def median(self, name: str) -> float:
        whole = statistics.median(self.times[name])
        if name not in self.bases:
            return whole
        return (whole - statistics.median(self.times[f"one: {name}"])) / self.further

    def show(self) -> None:
        ours = self.median("ours")
        spread = f"{min(self.times['ours']):.3f}..{max(self.times['ours']):.3f}"
        say(f"{self.name}: {self.what}")
        say(f"    {'ours':<34}{ours:8.3f} s   (whole runs {spread})")
        floor = self.median("floor") if self.floor else 0.0
        if self.floor:
            say(f"    {'what is the same for all':<34}{floor:8.3f} s")
        for name in self.others:
            other = self.median(name)
            line = f"    {name:<34}{other:8.3f} s   ours : other = {ours / other:.2f}"
            if goal := self.goals.get(name):
                line += _judged(ours / other, goal)
            if self.floor and other > floor:  # a command that pays no floor has nothing above it
                line += f", above the floor {(ours - floor) / (other - floor):.3f}"
                if goal := self.above.get(name):
                    line += _judged((ours - floor) / (other - floor), goal)
            say(line)


def _judged(ratio: float, goal: float) -> str:
    return f" (goal {goal:.3f}: {'reached' if ratio <= goal else 'not reached'})"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
