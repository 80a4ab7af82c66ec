"""Corpus to model directory: the whole way, stage by stage."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from classifier.corpus.checks import require_valid
from classifier.corpus.files import corpus_digest, read_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.durable import remove_leftovers
from classifier.errors import CorpusError, InputError, TrainingError
from classifier.model.decisions import sigmoid
from classifier.model.documents import MIN_WORDS_FOR_COVERAGE
from classifier.model.golden import HOSTILE_TEXTS, make_golden
from classifier.model.scoring import NarrativeModel
from classifier.model.store import StoredModel, write_model
from classifier.model.versions import check_version, load_directory, next_version, read_digest
from classifier.taxonomy import Taxonomy, load_taxonomy
from classifier.text.familiarity import known_share
from classifier.text.ngrams import CHAR_NGRAM_RANGE, TOKEN_PATTERN, WORD_NGRAM_RANGE, tokens
from classifier.training.calibration import (
    MIN_SUPPORT,
    MIN_UNITS,
    Line,
    fit_coverage_bound,
    fit_length_penalty,
    fit_line,
    fit_lines,
    fit_thresholds,
    stack_lines,
)
from classifier.training.card import write_card
from classifier.training.checkpoint import PREFIX, Checkpoints, open_checkpoints
from classifier.training.crossval import (
    Fitted,
    Judged,
    Options,
    OutOfFold,
    Progress,
    cross_validate,
    fit_rows,
    judge,
    min_df_for,
    steady_sums,
)
from classifier.training.evaluation import Prepared, evaluate_model, evaluate_test_sets, prepare, report_scores
from classifier.training.features import Features
from classifier.training.fingerprint import digest_of, fingerprint, package_versions
from classifier.training.fitting import FittedVoices, LinearHead
from classifier.training.fold_cache import FoldCache
from classifier.training.kept_scores import write_scores
from classifier.training.plots import precision_recall, reliability_diagram
from classifier.training.promotion import STAGE, Outcome, When, keep, settle

N_GOLDEN = 40

TRAINING_SPLITS = ("", "train")
"""Values of the column ``split`` that mean training; rows of any other are held out and measured."""

FINAL_TOL = 0.02
"""Tolerance of the fit on all sentences: its objective is within 1e-6 of the minimum."""

FINAL_VOICE_TOL = 1e-4


@dataclass(frozen=True)
class Trained:
    """What training made: where it lies, its figures, whether it answers now, and what changed."""

    path: Path
    model: NarrativeModel
    report: dict[str, Any]
    promoted: bool
    outcome: Outcome


@steady_sums()
def train(
    labels: str | Path,
    models: str | Path,
    *,
    name: str = "narratives",
    version: str | None = None,
    options: Options | None = None,
    promote_when: When = "always",
    fresh: bool = False,
    cache: FoldCache | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Train a model on a directory of labels and write it as a new version.

    A training that is killed leaves its finished folds and fit in ``models``; the same call goes on from there and
    writes the same bytes.

    Parameters
    ----------
    labels : path
        Directory with ``taxonomy.yaml`` and ``*.csv``. Rows whose ``split`` is neither empty nor "train" are held out
        and measured under that name. In it, where they are there, ``unfamiliar/*.csv`` (language,
        text) set the familiarity bound, and ``test/*.csv`` and ``test/neutral/*/*.txt`` are measured once, at the end,
        for the report; nothing is chosen on them. ``origins.md`` goes into the card.
    models : path
        Directory that takes the new version; ``CURRENT`` there moves to it as ``promote_when`` says (:func:`settle`).
    version : str, optional
        ``v1``, ``v2``, ... by default: the first that is free when the model is written.
    fresh : bool
        Fit everything anew, whatever a killed training left.
    cache : FoldCache, optional
        Where units, counts and vectors are looked up and kept.
    tell : callable
        Called with a line where something is resumed or thrown away.

    Raises
    ------
    TaxonomyError, CorpusError
        The labels are broken.
    TrainingError
        They cannot make a model, and nothing is written; or another process is at the same training.
    OSError
        Something cannot be written; it names the file. ``CURRENT`` is as it was.
    """
    labels, models = Path(labels), Path(models)
    options = options or Options()
    progress = progress or (lambda stage, share: None)
    progress("reading labels", 0.0)
    taxonomy = load_taxonomy(labels / "taxonomy.yaml")
    everything = read_labels(labels)
    require_valid(everything, taxonomy)
    rows = [row for row in everything if row.split in TRAINING_SPLITS]
    if not rows:
        raise TrainingError(f"{labels}: every row is held out by its split; leave 'split' empty for training rows")
    held_out: dict[str, list[LabelledSentence]] = {}
    for row in everything:
        if row.split not in TRAINING_SPLITS:
            held_out.setdefault(row.split, []).append(row)
    if not any(row.labels for row in rows):
        raise TrainingError(f"{labels}: no sentence carries a narrative; there is nothing to learn")
    if len({frozenset(row.labels) for row in rows}) == 1:
        raise TrainingError(
            f"{labels}: every sentence carries {', '.join(rows[0].labels)} and no other; label sentences without it too"
        )
    if version is not None:
        check_version(version)
    if not name.isprintable() or not name.strip():
        raise InputError(f"{name!r} is no name for a model; give one line of text")
    # One that this very training wrote before it was killed is found later.
    if version is not None and (models / version).exists() and not any(models.glob(f"{PREFIX}*")):
        raise TrainingError(f"{models / version} is there already; name another version")
    prepared = prepare(rows, taxonomy, options, progress, cache)
    depends_on = {
        "corpus": corpus_digest(everything),
        "splits": [row.split for row in everything],
        "taxonomy": taxonomy.to_dict(),
        "unfamiliar": read_unfamiliar(labels / "unfamiliar"),
        "options": {**asdict(options), "n_jobs": 0},
        "code": fingerprint(),
    }
    with open_checkpoints(models, depends_on, fresh=fresh, tell=tell) as kept:
        try:
            scores = cross_validate(
                prepared.counts,
                prepared.y,
                prepared.pairs,
                prepared.folds,
                options.C_grid,
                options,
                progress,
                kept,
                tell,
            )
            fitted, judged, figures = _fit(prepared, scores, options, kept, progress, tell)
        except TrainingError:
            kept.discard()
            raise
        remove_leftovers(models)
        path = _find_written(kept, models, version, name)
        if path is not None:
            tell(f"resumed: {path} was written")
        else:
            path = _write(
                prepared, scores, fitted, judged, figures, labels, models, version, name, options, held_out, progress
            )
            kept.save("written", {}, {"version": path.name, "name": name, "digest": read_digest(path)})
        model = load_directory(path)
        write_scores(models, model.identity.digest, keep(prepared, judged))
        progress(STAGE, 0.0)
        outcome = settle(models, labels, model, prepared, scores.C, options, held_out, promote_when, progress)
        kept.discard()
    progress("done", 1.0)
    return Trained(path, model, dict(model.report), outcome.promoted, outcome)


def _fit(
    prepared: Prepared,
    scores: OutOfFold,
    options: Options,
    kept: Checkpoints,
    progress: Progress,
    tell: Callable[[str], None],
) -> tuple[Fitted, Judged, dict[str, Any]]:
    """The fit on all sentences, and beside it the figures of cross-validation: neither needs the other."""
    multilabel = prepared.taxonomy.multilabel
    with ThreadPoolExecutor(1) as beside:
        judged = beside.submit(judge, scores, prepared.y, options, multilabel=multilabel)
        figures = beside.submit(lambda: report_scores(prepared, scores, options, judged.result()))
        progress("fitting on all sentences", 0.0)
        fitted = _load_fit(kept, scores.C)
        if fitted is not None:
            tell("resumed: the fit on all sentences was done")
        else:
            fitted = fit_rows(
                prepared.counts,
                np.arange(len(prepared.rows), dtype=np.int64),
                prepared.y,
                prepared.pairs,
                [scores.C],
                options,
                tol=FINAL_TOL,
                voice_tol=FINAL_VOICE_TOL,
            )
            _save_fit(kept, scores.C, fitted)
        progress("figures", 0.0)
        return fitted, judged.result(), figures.result()


def _save_fit(kept: Checkpoints, C: float, fitted: Fitted) -> None:
    head, features, voices = fitted.heads[C], fitted.features, fitted.voices
    arrays: dict[str, npt.NDArray[Any]] = {
        "word_columns": features.word_columns,
        "char_columns": features.char_columns,
        "idf": features.idf,
        "coef": head.coef,
        "intercept": head.intercept,
    }
    if voices is not None:
        arrays |= {"voice_coef": voices.coef, "voice_intercept": voices.intercept}
    kept.save("fit", arrays, {"C": C})


def _load_fit(kept: Checkpoints, C: float) -> Fitted | None:
    stage = kept.load("fit")
    if stage is None or stage.facts.get("C") != C:
        return None
    found = stage.arrays
    voices = FittedVoices(found["voice_coef"], found["voice_intercept"]) if "voice_coef" in found else None
    features = Features(found["word_columns"], found["char_columns"], found["idf"])
    return Fitted(features, {C: LinearHead(found["coef"], found["intercept"])}, voices)


def _write(
    prepared: Prepared,
    scores: OutOfFold,
    fitted: Fitted,
    judged: Judged,
    figures: dict[str, Any],
    labels: Path,
    models: Path,
    version: str | None,
    name: str,
    options: Options,
    held_out: Mapping[str, Sequence[LabelledSentence]],
    progress: Progress,
) -> Path:
    taxonomy, rows, y = prepared.taxonomy, prepared.rows, prepared.y
    progress("calibrating", 0.0)
    head = fitted.heads[scores.C]
    lines = fit_lines(scores.logits, y)
    slope, shift = stack_lines(lines)
    logits = scores.logits * slope + shift
    probabilities = sigmoid(logits)
    thresholds = fit_thresholds(
        probabilities, y, max_false_alarms=options.max_false_alarms, multilabel=taxonomy.multilabel
    )
    length_penalty, document_figures = fit_length_penalty(
        logits, y, prepared.units, thresholds.threshold, random_state=options.random_state
    )
    known = sorted({word for row in rows for word in tokens(row.text.lower())})
    bound, coverage_figures = _coverage(prepared, labels)
    report = {
        "cross_validation": figures,
        "documents": document_figures,
        "coverage": coverage_figures,
        "data": describe(rows),
    }
    words, chars = fitted.features.names(prepared.counts)
    support = y.sum(axis=0)
    calibration = {
        "narratives": {
            narrative: {
                "threshold": round(float(thresholds.threshold[k]), 6),
                "unsure_from": round(float(min(thresholds.unsure_from[k], thresholds.threshold[k])), 6),
                "support": int(support[k]),
                "trained_enough": bool(
                    support[k] >= MIN_SUPPORT and len(np.unique(prepared.units[y[:, k]])) >= MIN_UNITS
                ),
                # Folded into coef.npy and intercept.npy already; kept for the record.
                "platt": {"slope": float(slope[k]), "intercept": float(shift[k])},
            }
            for k, narrative in enumerate(taxonomy.ids)
        },
        "themes": {
            theme: {"slope": line.slope, "intercept": line.intercept}
            for theme, line in _theme_lines(taxonomy, logits, y).items()
        },
    }
    arrays: dict[str, npt.NDArray[Any]] = {
        "idf.npy": fitted.features.idf.astype(np.float32),
        "coef.npy": (head.coef * slope).astype(np.float32),
        "intercept.npy": head.intercept * slope + shift,
    }
    if fitted.voices is not None:
        arrays["voice_coef.npy"] = fitted.voices.coef.astype(np.float32)
        arrays["voice_intercept.npy"] = fitted.voices.intercept
    parameters = {
        "name": name,
        "unit": taxonomy.unit,
        "multilabel": taxonomy.multilabel,
        "languages": sorted({row.language for row in rows}),
        "analyser": {
            "lowercase": True,
            "token_pattern": TOKEN_PATTERN,
            "word_ngram_range": list(WORD_NGRAM_RANGE),
            "char_wb_ngram_range": list(CHAR_NGRAM_RANGE),
            "sublinear_tf": True,
            "norm": "l2 for words and for characters",
        },
        "coverage_bound": bound,
        "length_penalty": length_penalty,
        "training": {
            "C": scores.C,
            "voice_C": options.voice_C,
            "min_df": min_df_for(options, len(rows)),
            "max_features": options.max_features,
            "max_false_alarms": options.max_false_alarms,
            "n_folds": options.n_folds,
            "random_state": options.random_state,
        },
    }
    manifest = {
        "name": name,
        "training_data": {
            "digest": corpus_digest(rows),
            "n_sentences": len(rows),
            "taxonomy": digest_of(taxonomy.to_dict()),
            "unfamiliar": digest_of(read_unfamiliar(labels / "unfamiliar")),
        },
        "packages": package_versions(),
    }
    json_files: dict[str, object] = {
        "parameters.json": parameters,
        "taxonomy.json": taxonomy.to_dict(),
        "vocabulary.json": {"words": words, "chars": chars},
        "known_words.json": known,
        "calibration.json": calibration,
        "report.json": report,
        "golden.json": [],
    }
    # The model in memory: golden texts and test sets are scored by it, and what is read back is held against them.
    stored = StoredModel(path=Path("unwritten"), digest="", manifest={}, json=json_files, arrays=arrays)
    # The reference path: the same figures, and so the same digest, whether or not there was a compiler.
    model = NarrativeModel(stored, version="unwritten", path="python")
    chosen = np.random.default_rng(options.random_state).permutation(len(rows))[:N_GOLDEN]
    progress("measuring on test sets", 0.0)
    json_files["golden.json"] = make_golden(model, [*(rows[i].text for i in sorted(chosen.tolist())), *HOSTILE_TEXTS])
    report["test"] = evaluate_test_sets(model, labels / "test")
    for split, members in sorted(held_out.items()):
        report["test"].setdefault("sets", {})[split] = evaluate_model(model, members)
    texts = {
        "README.md": write_card(name, taxonomy, parameters, calibration, report, _read_origins(labels)).encode("utf-8"),
        "reliability.svg": reliability_diagram(judged.probabilities, y),
        "precision-recall.svg": precision_recall(taxonomy.ids, judged.probabilities, y),
    }
    progress("writing", 0.0)
    return _publish(
        models,
        version,
        lambda target: write_model(target, json_files=json_files, arrays=arrays, texts=texts, manifest=manifest),
    )


def _find_written(kept: Checkpoints, models: Path, version: str | None, name: str) -> Path | None:
    """The version that a training wrote before it was killed while comparing or promoting it."""
    stage = kept.load("written")
    if stage is None or stage.facts.get("name") != name or version not in (None, stage.facts.get("version")):
        return None
    path = models / str(stage.facts.get("version"))
    with suppress(OSError):
        return path if read_digest(path) == stage.facts.get("digest") else None
    return None


def _publish(models: Path, version: str | None, write: Callable[[Path], Path]) -> Path:
    """Write under the name that was asked for, or the next that is free: another training may have taken one."""
    for _ in range(100):
        target = models / (version or next_version(models))
        try:
            return write(target)
        except FileExistsError as error:
            if version is not None:
                raise TrainingError(f"{target} is there already; name another version") from error
    raise TrainingError(f"{models}: every name for the new version was taken meanwhile; name one with --version")


def _read_origins(labels: Path) -> str:
    path = labels / "origins.md"
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read as UTF-8 text: {error}") from error


def _theme_lines(taxonomy: Taxonomy, logits: npt.NDArray[np.float64], y: npt.NDArray[np.bool_]) -> dict[str, Line]:
    column = {narrative: k for k, narrative in enumerate(taxonomy.ids)}
    lines = {}
    for theme in taxonomy.themes:
        members = [column[n.id] for n in theme.narratives]
        # A theme of one narrative has that narrative's probability.
        lines[theme.id] = (
            fit_line(logits[:, members].max(axis=1), np.asarray(y[:, members].any(axis=1)))
            if len(members) > 1
            else Line(1.0, 0.0)
        )
    return lines


def _coverage(prepared: Prepared, labels: Path) -> tuple[float, dict[str, float]]:
    """Coverage of held-out rows by the other folds' words, against that of unfamiliar texts."""
    words_of = [tokens(row.text.lower()) for row in prepared.rows]
    familiar: list[float] = []
    for fold in range(int(prepared.folds.max()) + 1):
        known = {w for i in np.flatnonzero(prepared.folds != fold) for w in words_of[i]}
        familiar += [
            known_share(words_of[i], known)
            for i in np.flatnonzero(prepared.folds == fold)
            if len(words_of[i]) >= MIN_WORDS_FOR_COVERAGE
        ]
    known = {w for words in words_of for w in words}
    own = {row.language for row in prepared.rows}
    foreign: list[float] = []
    for text, language in read_unfamiliar(labels / "unfamiliar"):
        words = tokens(text.lower())
        if len(words) < MIN_WORDS_FOR_COVERAGE:
            continue
        (familiar if language in own else foreign).append(known_share(words, known))
    return fit_coverage_bound(np.array(familiar), np.array(foreign))


def read_unfamiliar(directory: Path) -> list[tuple[str, str]]:
    """(text, language) of ``*.csv`` in ``directory``; an empty list where it is not there."""
    found = []
    for path in sorted(directory.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for record in csv.DictReader(file):
                if not record.get("text") or not record.get("language"):
                    raise CorpusError(f"{path}: needs the columns 'text' and 'language', filled in every row")
                found.append((record["text"], record["language"]))
    return found


def describe(rows: Sequence[LabelledSentence]) -> dict[str, Any]:
    """Counts of rows by language, origin and register."""
    table: dict[str, Any] = {"n_sentences": len(rows), "n_plain": sum(not row.labels for row in rows)}
    for column in ("language", "origin", "register"):
        counts: dict[str, int] = {}
        for row in rows:
            value = getattr(row, column) or "(none)"
            counts[value] = counts.get(value, 0) + 1
        table[column] = dict(sorted(counts.items()))
    return table
