"""Taking turns, and medians."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Deed = Callable[[], None]
_REST = 0.5


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
    befores: dict[str, Deed] = field(default_factory=dict)  # by side: what comes before it, instead of `before`
    processor: Callable[[], float] | None = None  # seconds of processor time so far, of the machine and of our children
    times: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)

    def run(self) -> None:
        deeds = {"ours": self.ours, **self.others, **({"floor": self.floor} if self.floor else {})}
        deeds.update({f"one: {name}": deed for name, deed in self.bases.items()})
        for _round in range(self.rounds):
            for name, deed in deeds.items():
                before = self.befores.get(name, self.before)
                if before:
                    before()
                self._measure(name, deed)
        self.show()

    def _measure(self, name: str, deed: Deed) -> None:
        if self.processor:
            time.sleep(_REST)  # what the preparation left running comes to its end
        spent = self.processor() if self.processor else 0.0
        begun = time.perf_counter()
        deed()
        self.times.setdefault(name, []).append(time.perf_counter() - begun)
        if self.processor:
            time.sleep(_REST)  # monitors, and what they call at the end, count as well
            self.costs.setdefault(name, []).append(self.processor() - spent)

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
        if self.costs:
            say(f"    {'':<34}{statistics.median(self.costs['ours']):8.3f} s   of processor time")
        floor = self.median("floor") if self.floor else 0.0
        if self.floor:
            say(f"    {'what is the same for all':<34}{floor:8.3f} s")
            if self.costs:
                say(f"    {'':<34}{statistics.median(self.costs['floor']):8.3f} s   of processor time")
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
            if self.costs:
                mine, theirs = (statistics.median(self.costs[side]) for side in ("ours", name))
                say(f"    {'':<34}{theirs:8.3f} s   of processor time, ours : other = {mine / theirs:.2f}")


def _judged(ratio: float, goal: float) -> str:
    return f" (goal {goal:.3f}: {'reached' if ratio <= goal else 'not reached'})"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
