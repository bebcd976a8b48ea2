"""`medrelay check-plan FILE`: check an exported run alone, without our database or any solver."""

import hashlib
import json
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from optimizer.check import check
from optimizer.errors import ProblemError
from optimizer.plan import Plan
from optimizer.problem import Problem
from optimizer.report import Report
from services.dispatch.exporting import FORMAT
from services.dispatch.store import expected_by_need

console = Console(emoji=False)

VERIFIED = {
    "allocations": "every allocation keeps every rule, and no lot gives more than it has",
    "outcomes": "what each need gets is what its allocations add up to",
    "objective": "the totals, the cost and the distances add up",
    "pins": "what was pinned by hand is allocated",
    "derived": "pins, packs and conversions were taken off as they should be",
    "fairness": "priorities go in order, and within each the least served could not be served more",
    "rounding": "odd pieces go to whom the rule says",
    "cost": "no other plan that serves the needs so costs less",
    "reasons": "the reason that each need is told follows from the proof",
    "lanes": "no shared lane carries more in a day than it can",
}
# What the same proofs establish of a plan whose items share full lanes.
IN_SHARES = {
    "fairness": (
        "priorities go in order, and within each the least served could not be served more: within "
        "the plan's shares of the full lanes, which are the planner's choice"
    ),
    "cost": "no other plan that serves the needs so, within these shares, costs less",
    "reasons": "the reason that each need is told follows from the proof within these shares",
    "bound": (
        "over all shares, the plan is no further from the best than it says, in weighed pieces and "
        "cost; that says nothing of fairness"
    ),
}


class NotTheRun(Exception):
    """The file can't be checked, or was changed: says what is wrong with it."""


def check_plan(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    plan_digest: Annotated[
        str | None,
        typer.Option("--plan-digest", help="The plan's SHA-256, as the log's entry says it."),
    ] = None,
    snapshot_digest: Annotated[
        str | None,
        typer.Option("--snapshot-digest", help="The input's SHA-256, as the log's entry says it."),
    ] = None,
) -> None:
    """Check an exported run: its digests, every rule, and the proof of its plan.

    Whoever made the file may have changed both sides of it. Give the digests that the log's
    entries hold (the file names them; `medrelay verify` checks such an entry's receipt), and it is
    held against these too. Exit 0 where everything holds, 1 where it doesn't.
    """
    known = {"plan_digest": plan_digest, "snapshot_digest": snapshot_digest}
    try:
        content = read_export(file.read_bytes())
        _compare(content, {name: digest for name, digest in known.items() if digest})
        problem, plan = read_run(content)
    except NotTheRun as error:
        _refuse(str(error))
        raise typer.Exit(1) from error
    except ProblemError as error:
        _refuse(f"it can't be read: {error}")
        raise typer.Exit(1) from error
    _tell_digests(content, known)
    try:
        report = check(problem, plan)
    except (ValueError, OverflowError) as error:  # a ProblemError is a ValueError
        _refuse(f"it can't be checked: {error}")
        raise typer.Exit(1) from error
    _tell(report, plan)
    _tell_expected(plan)
    if not report.ok:
        raise typer.Exit(1)


def read_export(content: bytes) -> dict[str, Any]:
    """The file's parts, with digests that are those of its texts.

    Raises:
        NotTheRun: it isn't such a file, or a text was changed.

    """
    try:
        found = json.loads(content)
    except ValueError as error:
        raise NotTheRun(f"it isn't JSON: {error}") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise NotTheRun(f"it isn't an exported run: its format must be {FORMAT!r}")
    for name in ("snapshot", "plan"):
        text, said = found.get(name), found.get(f"{name}_digest")
        if not isinstance(text, str) or not isinstance(said, str):
            raise NotTheRun(f"its {name}, or the {name}'s digest, is missing")
        is_so = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if is_so != said:
            raise NotTheRun(f"its {name} was changed: its digest is {is_so}, the file says {said}")
    return found


def read_run(content: dict[str, Any]) -> tuple[Problem, Plan]:
    """The problem and the plan that was made for it.

    Raises:
        NotTheRun: the plan was made for another input, or the run is told otherwise.
        ProblemError: one of them can't be read.

    """
    problem, plan = Problem.from_json(content["snapshot"]), Plan.from_json(content["plan"])
    if plan.problem_digest != content["snapshot_digest"]:
        raise NotTheRun(
            f"its plan was made for another input, with the digest {plan.problem_digest}"
        )
    _compare_run(content.get("run"), problem)
    return problem, plan


def _compare_run(run: object, problem: Problem) -> None:
    """What the file says of the run beside its input must be what the input says."""
    if not isinstance(run, dict):
        raise NotTheRun("what it says of the run itself is missing")
    frozen = {"day": problem.day0, "horizon_days": problem.horizon_days}
    for name, value in frozen.items():
        if run.get(name) != value:
            told = run.get(name)
            raise NotTheRun(f"it says the run's {name} is {told!r}; its input says {value!r}")


def _compare(content: dict[str, Any], known: dict[str, str]) -> None:
    for name, digest in known.items():
        if content[name] != digest.strip().lower():
            what = name.removesuffix("_digest")
            raise NotTheRun(f"its {what} has the digest {content[name]}, the log's is {digest}")


def _refuse(why: str) -> None:
    console.print("[bold red]NOT VALID[/]", end="  ")
    console.print(why, markup=False, soft_wrap=True)


def _tell_digests(content: dict[str, Any], known: dict[str, str | None]) -> None:
    run = content.get("run")
    entries = run if isinstance(run, dict) else {}
    for name, what in (("snapshot", "the input"), ("plan", "the plan")):
        entry = entries.get(f"{name}_entry", "unknown")
        unheld = f"not held against the log, whose entry it says is {entry}"
        held = "as the log says" if known[f"{name}_digest"] else unheld
        console.print(
            f"  ✓ {what} has the digest {content[f'{name}_digest']} ({held})",
            markup=False,
            soft_wrap=True,
        )


def _tell(report: Report, plan: Plan) -> None:
    words = VERIFIED | IN_SHARES if plan.solver.status == "bounded" else VERIFIED
    for name in report.verified:
        console.print(f"  ✓ {words.get(name, name)}", markup=False, soft_wrap=True)
    for violation in report.violations:
        console.print(
            f"  ✗ {violation.where}: {violation.message} ({violation.code})",
            markup=False,
            soft_wrap=True,
        )
    if not report.ok:
        console.print("[bold red]NOT VALID[/]")
    elif report.proven:
        _tell_proven(plan)
    else:
        console.print(
            f"[bold yellow]VALID[/]  {len(plan.allocations)} allocations; the plan claims to be "
            f"{plan.solver.status}, not optimal"
        )


def _tell_expected(plan: Plan) -> None:
    pieces = expected_by_need(plan).total()
    if pieces:
        console.print(
            f"  · {pieces} pieces are expected: their goods weren't there yet, and nobody has them "
            "reserved",
            soft_wrap=True,
        )


def _tell_proven(plan: Plan) -> None:
    many = f"{len(plan.allocations)} allocations"
    lanes = plan.certificate.lanes if plan.certificate else None
    if lanes is None:
        console.print(f"[bold green]VALID, AND PROVEN[/]  {many}", soft_wrap=True)
        return
    most = ceil(lanes.gap * 1_000_000) / 10_000  # in %, rounded up: "at most" must be true
    console.print(
        f"[bold green]VALID, AND PROVEN WITHIN ITS SHARES[/]  {many}; at most {most:.4f} % from "
        "the best in weighed pieces and cost",
        soft_wrap=True,
    )
