"""Findings as a STIX 2.1 bundle that OpenCTI takes: narratives, channels, posts, and what ties them together.

Narratives and channels are OpenCTI's own domain objects, posts its observables ``media-content`` (with an address) and
``text`` (without). They are written in the form in which OpenCTI exports them [1]_, relationships are of the types that
it allows between them [2]_, and ids are the ones that it makes itself (UUIDv5 of the contributing fields [3]_), so that
what is there already is found again. The same findings give the same bundle, byte for byte.

.. [1] OpenCTI, ``opencti-graphql/src/modules/narrative/narrative-converter.ts`` and ``types/stix-2-1-extensions.ts``.
.. [2] OpenCTI, ``opencti-graphql/src/database/stix.ts`` and ``modules/channel/channel.ts``.
.. [3] pycti, ``Narrative.generate_id`` and its like; STIX 2.1, section 2.9.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import stix2
from stix2.canonicalization.Canonicalize import canonicalize

from classifier.campaigns import wording
from classifier.campaigns.addresses import is_web_address
from classifier.campaigns.findings import Cluster, Findings, TaggedPost

NAMESPACE = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""STIX's namespace for deterministic ids, which OpenCTI uses for domain objects too."""

OPENCTI = "extension-definition--ea279b3e-5c71-4632-ac08-831c66a786ba"
"""What OpenCTI's own domain objects are declared by."""

OPENCTI_OBSERVABLE = "extension-definition--f93e2c80-4231-4f9a-af8b-95c9bd566a82"
"""What its own observables are declared by."""

AUTHOR = "Narrative classifier"

MAX_TITLE = 80

_TLP_2 = {
    "clear": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
    "amber+strict": "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37",
}
"""Where TLP 2 differs from STIX 2.1's own markings, which are TLP 1: OpenCTI's ids (clear is its TLP:WHITE)."""


def to_stix(findings: Findings, *, title: str, command: str, tlp: str | None = None) -> str:
    """The bundle as JSON.

    Parameters
    ----------
    findings
        Posts without text and without address (``classifier.campaigns.privacy``) leave no object; clusters still name
        their channels.
    title
        Of the report that holds everything together.
    command
        The command that made the findings; told in the report.
    tlp
        Traffic light that every object gets: clear, green, amber, amber+strict or red.
    """
    return _Bundle(findings, title, command, tlp).write()


def standard_id(kind: str, **contributing: Any) -> str:
    """The id that OpenCTI gives an object of this kind."""
    return f"{kind}--{uuid.uuid5(NAMESPACE, canonicalize(contributing, utf8=False))}"


class _Bundle:
    def __init__(self, findings: Findings, title: str, command: str, tlp: str | None) -> None:
        self.found = findings
        self.title = _clean(title)
        self.command = _clean(command)
        self.posts = {tagged.post.id: tagged for tagged in findings.posts}
        times = [tagged.post.time for tagged in findings.posts]
        self.first, self.last = (min(times), max(times)) if times else (_EPOCH, _EPOCH)
        self.objects: dict[str, Any] = {}
        self.markings: dict[str, Any] = {}
        if tlp is not None:
            self._mark(tlp)
        self.author = standard_id("identity", name=AUTHOR.lower(), identity_class="system")
        self._add(stix2.Identity, id=self.author, name=AUTHOR, identity_class="system")
        self.markings["created_by_ref"] = self.author

    def write(self) -> str:
        clusters = [cluster for cluster in self.found.clusters if len(cluster.sources) > 1]
        named = {n for cluster in clusters for n in cluster.narratives}
        named |= {b.narrative for b in self.found.bursts} | {s.narrative for s in self.found.shifts}
        named |= {p.narrative for p in self.found.overall if p.source is None and p.share.n_tagged}
        narratives = {n: self._narrative(n) for n in self.found.names if n in named}
        for cluster in clusters:
            self._cluster(cluster, narratives)
        for burst in self.found.bursts:
            self._post(self.posts[burst.first_post], narratives)
        self._channels_use(narratives)
        self._pairs()
        self._notes(narratives)
        self._report()
        objects = list(self.objects.values())
        # A plain bundle: stix2 would draw its id by chance.
        parts = [json.loads(o.serialize()) if isinstance(o, stix2.base._STIXBase) else o for o in objects]
        name = json.dumps(parts, sort_keys=True)
        bundle = {"type": "bundle", "id": f"bundle--{uuid.uuid5(NAMESPACE, name)}", "objects": parts}
        return json.dumps(bundle, ensure_ascii=False, indent=1) + "\n"

    # ---- kinds of objects

    def _mark(self, tlp: str) -> None:
        if tlp in _TLP_2:
            identifier = _TLP_2[tlp]
            self.objects[identifier] = stix2.MarkingDefinition(
                id=identifier,
                created=_EPOCH,
                definition_type="statement",
                definition={"statement": f"TLP:{tlp.upper()}"},
                name=f"TLP:{tlp.upper()}",
                x_opencti_definition_type="TLP",
                x_opencti_definition=f"TLP:{tlp.upper()}",
                allow_custom=True,
            )
        else:
            marking = {"green": stix2.TLP_GREEN, "amber": stix2.TLP_AMBER, "red": stix2.TLP_RED}[tlp]
            identifier = marking.id
            self.objects[identifier] = marking
        self.markings["object_marking_refs"] = [identifier]

    def _add(self, kind: Any, **fields: Any) -> str:
        """One of STIX's own objects, which stix2 checks. The first of an id stays."""
        identifier: str = fields["id"]
        if identifier not in self.objects:
            times = {"created": self.last, "modified": self.last}
            # References to OpenCTI's types count as custom.
            self.objects[identifier] = kind(**times, **self.markings, **fields, allow_custom=True)
        return identifier

    def _add_custom(self, kind: str, extension: str, contributing: Mapping[str, Any], **fields: Any) -> str:
        """One of OpenCTI's, as a plain object: stix2 allows one class a type in a process, and pycti has its own."""
        identifier = standard_id(kind, **contributing)
        if identifier not in self.objects:
            observable = extension == OPENCTI_OBSERVABLE
            common: dict[str, Any] = {"type": kind, "spec_version": "2.1", "id": identifier}
            if observable:
                # What a domain object says beside its contents, OpenCTI reads from its extension for observables.
                common |= {k: v for k, v in self.markings.items() if k != "created_by_ref"}
                more = {"created_by_ref": self.author}
            else:
                common |= {"created": _time(self.last), "modified": _time(self.last), **self.markings}
                more = {}
            declared = {"extension_type": "new-sco" if observable else "new-sdo", **more}
            self.objects[identifier] = {**common, **fields, "extensions": {extension: declared}}
        return identifier

    def _relate(
        self,
        kind: str,
        source: str,
        target: str,
        description: str,
        *,
        confidence: int | None = None,
        between: tuple[datetime, datetime] | None = None,
    ) -> None:
        times: dict[str, str] = {}
        if between is not None:
            times["start_time"] = _time(between[0])
            if between[1] > between[0]:
                times["stop_time"] = _time(between[1])
        contributing = {"relationship_type": kind, "source_ref": source, "target_ref": target, **times}
        more = {} if confidence is None else {"confidence": confidence}
        self._add(
            stix2.Relationship,
            id=standard_id("relationship", **contributing),
            **contributing,
            description=description,
            **more,
        )

    def _narrative(self, narrative: str) -> str:
        name = _clean(self.found.names[narrative]).strip() or narrative
        definition = _clean(self.found.definitions.get(narrative, ""))
        return self._add_custom("narrative", OPENCTI, {"name": name.lower()}, name=name, description=definition)

    def _channel(self, source: str) -> str:
        name = _clean(source).strip() or "(no name)"
        return self._add_custom("channel", OPENCTI, {"name": name.lower()}, name=name)

    def _post(self, tagged: TaggedPost, narratives: Mapping[str, str]) -> str | None:
        """The post with its channel and the narratives that it carries; None where there is nothing to show of it."""
        post = tagged.post
        text, url = _clean(post.text), _clean(post.url or "") if is_web_address(post.url) else ""
        if url:
            fields = {"url": url, "publication_date": _time(post.time)}
            fields |= {"title": _title(text), "content": text} if text else {}
            identifier = self._add_custom("media-content", OPENCTI_OBSERVABLE, {"url": url}, **fields)
        elif text:
            identifier = self._add_custom("text", OPENCTI_OBSERVABLE, {"value": text}, value=text)
        else:
            return None
        self._relate(
            "publishes",
            self._channel(post.source),
            identifier,
            f"Published {wording.minute(post.time)} UTC.",
            between=(post.time, post.time),
        )
        for tag in tagged.tags:
            if tag.decision != "yes" or tag.narrative not in narratives:
                continue
            # Reporting and rejecting are not endorsing; and OpenCTI lets media content use a narrative, a text not.
            asserted = tag.voice == "asserted" and bool(url)
            told = f"Probability {tag.probability:.3f}, voice: {tag.voice or 'not told'}."
            self._relate(
                "uses" if asserted else "related-to",
                identifier,
                narratives[tag.narrative],
                told,
                confidence=round(100 * tag.probability),
            )
        return identifier

    def _cluster(self, cluster: Cluster, narratives: Mapping[str, str]) -> None:
        told = wording.told_cluster(cluster, self.found)
        name = _clean(f"{told} (cluster {cluster.id})")
        first, last = cluster.echoes[0].time, cluster.echoes[-1].time
        same = "are near-duplicates of one another" if cluster.kind == "copies" else "say the same in other words"
        campaign = self._add(
            stix2.Campaign,
            id=standard_id("campaign", name=name.lower().strip()),
            name=name,
            description=f"Posts that {same}. {_clean(cluster.summary)}\n\nFirst in this data, not first anywhere. That "
            "posts say the same shows neither coordination nor intent.",
            first_seen=first,
            last_seen=last,
        )
        for narrative in cluster.narratives:
            if narrative in narratives:
                self._relate("uses", campaign, narratives[narrative], "Most of these posts carry it.")
        counts = Counter(echo.source for echo in cluster.echoes)
        for source in cluster.sources:
            self._relate(
                "uses", campaign, self._channel(source), f"{wording.counted(counts[source], 'post')} of these."
            )
        shown = {echo.post: self._post(self.posts[echo.post], narratives) for echo in cluster.echoes}
        for order, echo in enumerate(cluster.echoes):
            here, there = shown[echo.post], shown.get(echo.nearest or "")
            if here is None:
                continue
            which = "The first post of these." if order == 0 else f"{wording.lag(echo.lag)} after the first."
            self._relate("related-to", here, campaign, which)
            if there is not None and there != here:
                self._relate("related-to", here, there, f"Nearest earlier post: {wording.told_echo(echo)}.")

    def _channels_use(self, narratives: Mapping[str, str]) -> None:
        """Only where the adjusted share is above nothing, and somebody asserts: one tagged post may be a false one."""
        asserted: dict[tuple[str, str], list[datetime]] = defaultdict(list)
        for tagged in self.found.posts:
            for tag in tagged.tags:
                if tag.decision == "yes" and tag.voice == "asserted":
                    asserted[tagged.post.source, tag.narrative].append(tagged.post.time)
        for point in self.found.overall:
            if point.source is None or point.narrative not in narratives or point.share.low <= 0:
                continue
            times = asserted.get((point.source, point.narrative))
            if times:
                self._relate(
                    "uses",
                    self._channel(point.source),
                    narratives[point.narrative],
                    f"{wording.told_share(point.share)}; asserted in {len(times):,}.",
                    between=(min(times), max(times)),
                )

    def _pairs(self) -> None:
        for pair in self.found.pairs:
            self._relate(
                "related-to",
                self._channel(pair.follower),
                self._channel(pair.leader),
                f"Said the same later in {wording.counted(pair.n_clusters, 'cluster')}; median lag "
                f"{wording.lag(pair.median_lag)}. No claim of copying or coordination.",
            )

    def _notes(self, narratives: Mapping[str, str]) -> None:
        lines: dict[str, list[str]] = defaultdict(list)
        for point in self.found.overall:
            if point.source is None:
                lines[point.narrative].append(wording.told_share(point.share))
        for burst in self.found.bursts:
            lines[burst.narrative].append(wording.told_burst(burst))
        for shift in self.found.shifts:
            lines[shift.narrative].append(wording.told_shift(shift))
        for rates in self.found.error_rates:
            lines[rates.narrative].append(
                f"true positive rate {wording.percent(rates.true_positive_rate)} "
                f"({wording.interval(*rates.true_positive_interval)}), false positive rate "
                f"{wording.percent(rates.false_positive_rate)} ({wording.interval(*rates.false_positive_interval)}): "
                f"{rates.basis}"
            )
        for narrative, identifier in narratives.items():
            if lines[narrative]:
                name = self.found.names[narrative]
                self._note(
                    f"{name}, {wording.period(self.found)}", [f"- {line}" for line in lines[narrative]], [identifier]
                )

    def _note(self, abstract: str, lines: Iterable[str], about: list[str]) -> None:
        abstract, content = _clean(abstract).strip(), _clean("\n".join(lines)).strip()
        contributing = {"content": content, "created": _time(self.last), "attribute_abstract": abstract}
        self._add(
            stix2.Note, id=standard_id("note", **contributing), abstract=abstract, content=content, object_refs=about
        )

    def _report(self) -> None:
        identity = self.found.model
        skipped = ", ".join(f"{reason}: {n:,}" for reason, n in self.found.skipped.items()) or "none"
        lines = [
            f"{wording.counted(len(self.found.posts), 'post')} from "
            f"{wording.counted(len({t.post.source for t in self.found.posts}), 'source')}, "
            f"{wording.period(self.found)} (UTC). Left out: {skipped}.",
            f"Model {identity.name} {identity.version}, {identity.digest}.",
            f"Command: {self.command}",
            *(f"- {caveat}" for caveat in wording.CAVEATS),
        ]
        published = _time(self.last)
        self._add(
            stix2.Report,
            id=standard_id("report", name=self.title.lower().strip(), published=published),
            name=self.title,
            description=_clean("\n\n".join(lines)),
            report_types=["campaign"],
            published=published,
            object_refs=[i for i in self.objects if not i.startswith("marking-definition--")],
        )


_EPOCH = datetime(2017, 1, 20, tzinfo=UTC)
"""When STIX's own markings were made."""


def _time(time: datetime) -> str:
    """To the millisecond, as OpenCTI writes times where they contribute to ids."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def _clean(text: str) -> str:
    """Half surrogate pairs are no UTF-8, and no text for an id."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "…"
