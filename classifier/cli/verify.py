"""``narratives verify``"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from classifier.batch.answers import Claim, NotFound, Texts, read_claims
from classifier.batch.units import paragraph_spans
from classifier.errors import InputError
from classifier.model.golden import check_golden
from classifier.model.receipts import TOLERANCE, CloseCall, Difference, Receipt, Verifier
from classifier.model.store import MANIFEST, read_model
from classifier.model.versions import find_models, list_digests, trusted_key

Verdict = Literal["same", "differs", "cannot say"]
ONE_BY_ONE = 20
"""Of more results only those are printed of which there is something to say."""

SHOWN = 10
"""Differences of one result that are printed; --json has them all."""


def verify(
    answer: Annotated[str, typer.Argument(help="What the service or 'narratives score' answered; - for stdin.")],
    texts: Annotated[
        list[str],
        typer.Argument(help="The texts: the files that were scored, of any kind that 'narratives score' reads."),
    ],
    models: Annotated[Path | None, typer.Option("--models", help="Model or models directory.")] = None,
    column: Annotated[str, typer.Option("--column", help="Column that holds the text.")] = "text",
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="Take only models signed for one of these keys (PEM).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Work an answer out again: does that model give these figures for this text?

    Finds the model by the digest in the answer. Exit code 0: the same decisions, spans and voices, probabilities and
    contributions within 0.00001. 1: something differs. 2: it cannot be said (no such model here, or no such text).
    A decision that lies closer than that to its threshold is named: another platform may decide it otherwise.
    """
    place = find_models() if models is None else models
    if not place.is_dir():
        raise InputError(f"{place}: no such directory; give a model directory or a models directory")
    claims = read_claims(answer)
    given = Texts(texts, column=column)
    verifiers = _Verifiers(place, trusted_key(public_key))
    outcomes = [_verify(claim, given, verifiers) for claim in claims]
    checked = [outcome for outcome in outcomes if outcome["verdict"] is not None]
    verdicts = [outcome["verdict"] for outcome in checked]
    overall: Verdict = (
        "differs" if "differs" in verdicts else "same" if verdicts and set(verdicts) == {"same"} else "cannot say"
    )
    if as_json:
        told = {"verdict": overall, "tolerance": TOLERANCE, "results": outcomes}
        typer.echo(json.dumps(_plain(told), ensure_ascii=True, indent=1, allow_nan=False))
    else:
        _print(answer, outcomes, given, overall)
    if overall != "same":
        raise typer.Exit(1 if overall == "differs" else 2)


class _Verifiers:
    """Verifiers by digest, each made when it is first asked for."""

    def __init__(self, models: Path, public_key: Path | None) -> None:
        self._models = models
        self._public_key = public_key
        self._digests = list_digests(models)
        self._made: dict[str, Verifier] = {}

    def find(self, told: Any) -> Verifier | str:
        """The verifier for what an answer says of its model, or why there is none."""
        digest = told.get("digest") if isinstance(told, Mapping) else None
        if not isinstance(digest, str):
            return "the answer names no digest of a model"
        named = [version for version, known in self._digests.items() if known == digest]
        if not named:
            there = "; ".join(f"{version}: {known}" for version, known in self._digests.items())
            return f"no model with the digest {digest} in {self._models}; there are: {there or 'none'}"
        if digest not in self._made:
            # The same model may lie there under several names.
            version = told["version"] if told.get("version") in named else named[0]
            path = self._models if (self._models / MANIFEST).is_file() else self._models / version
            stored = read_model(path, public_key=self._public_key)
            if stored.digest != digest:
                raise InputError(f"{path}: changed while it was being read; verify again")
            verifier = Verifier(stored, version=version)
            check_golden(verifier.model, verifier.model.golden)
            self._made[digest] = verifier
        return self._made[digest]


def _verify(claim: Claim, texts: Texts, verifiers: _Verifiers) -> dict[str, Any]:
    """One entry of ``--json``'s results; its verdict is None where the service scored nothing."""
    identifier = claim.body.get("id")
    outcome: dict[str, Any] = {"place": claim.place, "id": identifier, "verdict": None, "reason": None}
    outcome |= {"model": None, "differences": [], "close": [], "notes": []}
    if claim.kind == "error":
        return outcome | {"reason": "the service did not score this text, so there are no figures"}
    verifier = verifiers.find(claim.model)
    if isinstance(verifier, str):
        return outcome | {"verdict": "cannot say", "reason": verifier}
    identity = verifier.model.identity
    outcome["model"] = {"version": identity.version, "digest": identity.digest}
    found = texts.find(claim)
    if isinstance(found, NotFound):
        return outcome | {"verdict": "differs" if found.differs else "cannot say", "reason": found.reason}
    receipt = _compare(claim, found.record.item.text, found.record.item.language, verifier)
    return outcome | {
        "verdict": "same" if receipt.same else "differs",
        "differences": [asdict(difference) for difference in receipt.differences],
        "close": [asdict(call) for call in receipt.close],
        "notes": list(receipt.notes),
    }


def _compare(claim: Claim, text: str, language: str | None, verifier: Verifier) -> Receipt:
    of_model = verifier.verify_identity(claim.model)
    if claim.kind == "sentence":
        receipt = verifier.verify_sentence(text, claim.body, language=language)
    elif claim.kind == "text":
        receipt = verifier.verify_text(text, claim.body)
    else:
        begin, end = claim.body.get("begin"), claim.body.get("end")
        paragraphs = dict(paragraph_spans(text))
        if type(begin) is int and paragraphs.get(begin) == end:
            receipt = verifier.verify_text(text[begin:end], claim.body, begin=begin, whole=text)
        else:
            receipt = Receipt((Difference("begin, end", [begin, end], "no paragraph there"),))
    return Receipt((*of_model.differences, *receipt.differences), receipt.close, (*of_model.notes, *receipt.notes))


def _plain(value: Any) -> Any:
    """As JSON can say it: "nothing" where something is missing, and no NaN."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return repr(value)


def _print(answer: str, outcomes: list[dict[str, Any]], texts: Texts, overall: Verdict) -> None:
    out = Console(soft_wrap=True, highlight=False)

    def tell(line: str) -> None:
        # What texts and answers hold must not steer the terminal.
        out.print("".join(c if c.isprintable() else repr(c)[1:-1] for c in line), markup=False)

    for bad in texts.bad:
        tell(f"skipped: {bad.file}, row {bad.row}: {bad.message}")
    for outcome in outcomes:
        named = outcome["place"] + (f" ({outcome['id']})" if outcome["id"] is not None else "")
        if outcome["verdict"] in (None, "cannot say"):
            tell(f"{named}: {outcome['verdict'] or 'passed over'}: {outcome['reason']}")
            continue
        unremarkable = outcome["verdict"] == "same" and not outcome["close"]
        if unremarkable and len(outcomes) > ONE_BY_ONE:
            continue
        version = outcome["model"]["version"]
        if outcome["reason"]:
            tell(f"{named}: differs: {outcome['reason']}")
        elif outcome["differences"]:
            tell(f"{named}: differs from what {version} gives")
        else:
            tell(f"{named}: what {version} gives")
        for difference in outcome["differences"][:SHOWN]:
            tell(
                f"  {difference['place']}: the answer says {difference['answer']!r}, the model {difference['model']!r}"
            )
        if len(outcome["differences"]) > SHOWN:
            tell(f"  and {len(outcome['differences']) - SHOWN} more differences; --json has them all")
        for call in outcome["close"]:
            tell(f"  close: {_told(CloseCall(**call))}")
        for note in outcome["notes"]:
            tell(f"  note: {note}")
    counted = [outcome["verdict"] for outcome in outcomes if outcome["verdict"]]
    tell(f"{answer}: {overall}: {counted.count('same')} of {len(counted)} results are what the model gives")


def _told(call: CloseCall) -> str:
    apart = abs(call.probability - call.value)
    what = "threshold" if call.boundary == "threshold" else "lower end of 'unsure'"
    told = f"{call.place} ({call.label}): {call.probability:.7f} is {apart:.1e} from its {what}, {call.value:.7f}"
    if call.answer != call.model:
        return f"{told}: {call.answer!r} in the answer, {call.model!r} here; within rounding"
    return f"{told}: another platform may decide otherwise than {call.model!r}"
