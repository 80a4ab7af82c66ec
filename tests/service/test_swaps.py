"""Models are swapped under load: no request fails, and every answer is wholly that of one model."""

import http.client
import itertools
import json
import os
import threading
import time
from collections import Counter

import pytest

from classifier import load_model
from classifier.model import versions
from tests.service.servers import serving

SWAPS = int(os.environ.get("NARRATIVES_TEST_SWAPS", "20"))
"""NARRATIVES_TEST_SWAPS=100 for more; that takes a minute or two."""

TEXTS = [
    "A war with Azerbaijan is inevitable, military bloggers wrote, citing open Russophobia in Baku.",
    "The trains run again. There will be no war, the deputy said.\nThe West wants to weaken Russia.",
]


class Load:
    """Threads that post until they are told to stop, and remember every answer."""

    def __init__(self, port, expected):
        self.port = port
        self.expected = expected
        self.answers = Counter()
        self.recent = []
        self.faults = []
        self.stopped = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(keep, pinned))
            for keep, pinned in ((True, None), (True, None), (False, None), (True, "v1"))
        ]

    def run(self, keep, pinned):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        for n in itertools.count():
            if self.stopped.is_set():
                break
            body = {"texts": [{"text": text} for text in TEXTS]}
            if n % 3 == 0:
                body["texts"].append({"text": TEXTS[0] + " " * 10_000})  # scored in a thread
            if pinned:
                body["model_version"] = pinned
            try:
                connection.request("POST", "/v1/score", json.dumps(body), {"content-type": "application/json"})
                response = connection.getresponse()
                told = json.loads(response.read())
                self.check(response.status, told, pinned, len(body["texts"]))
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self.faults.append(repr(error))
            if not keep:
                connection.close()
        connection.close()

    def check(self, status, told, pinned, n_texts):
        digest = told.get("model", {}).get("digest")
        if status != 200 or digest not in self.expected:
            self.faults.append((status, told))
            return
        version, results = self.expected[digest]
        if told["model"]["version"] != version or (pinned and version != pinned):
            self.faults.append((told["model"], pinned))
        for result, right in zip(told["results"], results[:n_texts], strict=True):
            if result != right:
                self.faults.append((version, result))
        self.answers[version, pinned] += 1
        if not pinned:
            self.recent.append(version)

    def wait_for(self, version, n_answers=12):
        """Until so many answers in a row come from a version: then every worker has it."""
        begin = len(self.recent)
        for _ in range(6_000):
            if len(self.recent) >= begin + n_answers and set(self.recent[-n_answers:]) == {version}:
                return
            assert not self.faults, self.faults[:3]
            time.sleep(0.005)
        raise AssertionError(f"{version} does not answer: {self.recent[-n_answers:]}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)


@pytest.fixture(params=["1", "2"], ids=["one worker", "two workers"])
def port(request, two_models, tmp_path):
    options = ("--workers", request.param)
    with serving(two_models, tmp_path, *options, poll_seconds="0.05", feedback_url="") as server:
        yield server.port
    told = server.log.read_text()
    assert "Traceback" not in told
    assert "refused" not in told
    # What was loaded is in the log of the worker that loaded it.
    assert told.count(" answers now") >= SWAPS


def test_no_request_fails_while_models_are_swapped(port, two_models):
    expected = {}
    for version in ("v1", "v2"):
        model = load_model(two_models / version)
        answer = model.score([*TEXTS, TEXTS[0] + " " * 10_000]).to_dict()
        expected[model.identity.digest] = (version, answer["results"])
    assert len(expected) == 2
    with Load(port, expected) as load:
        load.wait_for("v1")
        for n in range(SWAPS):
            version = ("v2", "v1")[n % 2]
            versions.promote(two_models, version)
            load.wait_for(version)
    assert not load.faults, load.faults[:3]
    print(f"{SWAPS} swaps, {sum(load.answers.values())} answers: {dict(load.answers)}")
    assert set(load.answers) == {("v1", None), ("v2", None), ("v1", "v1")}
