"""Perspective's methods, by Google's own client library and by hostile requests."""

import json
import math

import pytest
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from hypothesis import given
from hypothesis import strategies as st

TEXT = "🙂 The weather is fine. Russophobia is spreading there. 🙂 A war with Azerbaijan is inevitable, they say."


@pytest.fixture
def comments(address):
    with discovery.build(
        "commentanalyzer",
        "v1alpha1",
        developerKey="a-key",
        discoveryServiceUrl=f"http://{address}/$discovery/rest?version=v1alpha1",
        static_discovery=False,
        cache_discovery=False,
    ) as service:
        yield service.comments()


def ask(text=TEXT, **more):
    return {"comment": {"text": text}, "requestedAttributes": {"INEVITABLE_WAR": {}}, **more}


def post(client, asked, method="analyze"):
    content = json.dumps(asked).encode()
    headers = {"content-type": "application/json"}
    return client.post(f"/v1alpha1/comments:{method}", content=content, headers=headers)


def refused(answer, status=400, told="INVALID_ARGUMENT"):
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(answer.json()) == {"error"}
    assert (error["code"], error["status"]) == (status, told)
    return error


def labels_of(model, text):
    result = model.score([text], explain=None, all=True).results[0]
    return {label.id: label for label in result.labels}, result


def test_google_client_analyzes(comments, small_model):
    labels, _ = labels_of(small_model, TEXT)
    asked = ask(languages=["en"], clientToken="token ж", doNotStore=True, sessionId="s", communityId="c")
    told = comments.analyze(body=asked).execute()
    score = {"value": labels["inevitable-war"].probability, "type": "PROBABILITY"}
    units = len(TEXT.encode("utf-16-le")) // 2
    assert told == {
        "attributeScores": {
            "INEVITABLE_WAR": {
                "spanScores": [{"begin": 0, "end": units, "score": score}],
                "summaryScore": score,
            }
        },
        "languages": ["en"],
        "clientToken": "token ж",
    }


def test_google_client_raises_what_perspective_raises(comments):
    with pytest.raises(HttpError, match=r"Comment must be non-empty\.") as caught:
        comments.analyze(body=ask(" ")).execute()
    assert caught.value.status_code == 400
    assert caught.value.error_details[0]["errorType"] == "COMMENT_EMPTY"
    with pytest.raises(HttpError, match="Unknown requested attribute: 'TOXICITY'"):
        comments.analyze(body=ask(requestedAttributes={"TOXICITY": {}})).execute()


def test_every_narrative_and_theme_is_an_attribute(client, small_model):
    taxonomy = small_model.taxonomy
    names = {id.upper().replace("-", "_"): id for id in taxonomy.ids}
    themes = {"THEME_" + theme.id.upper().replace("-", "_"): theme.id for theme in taxonomy.themes}
    scores = post(client, ask(requestedAttributes=dict.fromkeys([*names, *themes]))).json()["attributeScores"]
    labels, result = labels_of(small_model, TEXT)
    assert {name: score["summaryScore"]["value"] for name, score in scores.items()} == {
        **{name: labels[id].probability for name, id in names.items()},
        **{name: next(t.probability for t in result.themes if t.id == id) for name, id in themes.items()},
    }


def test_spans_are_sentences_in_utf16_code_units(client, small_model):
    attributes = {"INEVITABLE_WAR": {}, "RUSSOPHOBIA": {}, "THEME_WAR": {}}
    scores = post(client, ask(requestedAttributes=attributes, spanAnnotations=True)).json()["attributeScores"]
    _, result = labels_of(small_model, TEXT)
    units = TEXT.encode("utf-16-le")
    assert len(result.sentences) > 2
    for name, id in (("INEVITABLE_WAR", "inevitable-war"), ("RUSSOPHOBIA", "russophobia")):
        found = [
            (units[2 * span["begin"] : 2 * span["end"]].decode("utf-16-le"), span["score"]["value"])
            for span in scores[name]["spanScores"]
        ]
        assert found == [
            (s.text, next(label.probability for label in s.labels if label.id == id)) for s in result.sentences
        ]
    assert [(s["begin"], s["end"]) for s in scores["THEME_WAR"]["spanScores"]] == [(0, len(units) // 2)]


def test_scores_below_the_threshold_are_left_out(client, small_model):
    labels, result = labels_of(small_model, TEXT)
    told = post(client, ask(spanAnnotations=True, requestedAttributes={"RUSSOPHOBIA": {"scoreThreshold": 0.5}})).json()
    above = [s for s in result.sentences if next(x.probability for x in s.labels if x.id == "russophobia") >= 0.5]
    assert len(told["attributeScores"]["RUSSOPHOBIA"]["spanScores"]) == len(above) < len(result.sentences)
    high = math.nextafter(labels["russophobia"].probability, 2)
    for threshold, there in ((high, False), (labels["russophobia"].probability, True), (-1, True), (2, False)):
        asked = ask(requestedAttributes={"RUSSOPHOBIA": {"scoreThreshold": threshold}})
        assert ("RUSSOPHOBIA" in post(client, asked).json()["attributeScores"]) is there


def test_raw_scores_are_logits(client, small_model):
    labels, _ = labels_of(small_model, TEXT)
    score = post(client, ask(requestedAttributes={"RUSSOPHOBIA": {"scoreType": "RAW"}})).json()
    expected = {"value": labels["russophobia"].logit, "type": "RAW"}
    assert score["attributeScores"]["RUSSOPHOBIA"]["summaryScore"] == expected


def test_languages_are_named_or_detected(client):
    told = post(client, ask("Русофобия там стала государственной политикой, заявили в министерстве.")).json()
    assert told["languages"] == told["detectedLanguages"] == ["ru"]
    told = post(client, ask(languages=["zh-Latn", "en"])).json()
    assert told["languages"] == ["zh-Latn", "en"]
    assert "detectedLanguages" not in told


@pytest.mark.parametrize(
    ("more", "message", "field"),
    [
        ({"comment": {"text": TEXT, "type": "HTML"}}, "Currently, only 'PLAIN_TEXT'", "comment.type"),
        ({"comment": {"text": "\ud800"}}, "lone surrogate", "comment.text"),
        ({"comment": {"text": TEXT, "type": "WORD"}}, "comment.type", "comment.type"),
        ({"comment": TEXT}, "comment", "comment"),
        ({"requestedAttributes": {}}, "Missing requested_attributes", "requestedAttributes"),
        ({"requestedAttributes": {"inevitable-war": {}}}, "Unknown requested attribute", "requestedAttributes"),
        ({"requestedAttributes": {"\ud800": {}}}, "Unknown requested attribute", "requestedAttributes"),
        (
            {"requestedAttributes": {"RUSSOPHOBIA": {"scoreType": "PERCENTILE"}}},
            "Requested score type PERCENTILE is not supported by attribute RUSSOPHOBIA",
            "requestedAttributes.RUSSOPHOBIA.scoreType",
        ),
        (
            {"requestedAttributes": {"THEME_WAR": {"scoreType": "RAW"}}},
            "Requested score type RAW is not supported",
            "requestedAttributes.THEME_WAR.scoreType",
        ),
        ({"languages": ["Russian!"]}, "no language code", "languages"),
        ({"languages": "en"}, "languages", "languages"),
        ({"clientToken": "\udfff"}, "lone surrogate", "clientToken"),
        ({"colour": "red"}, "colour", "colour"),
    ],
)
def test_errors_name_the_field(client, more, message, field):
    error = refused(post(client, {**ask(), **more}))
    assert message in error["message"]
    (detail,) = error["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [violation["field"] for violation in detail["fieldViolations"]] == [field]


def test_texts_that_cannot_be_taken_have_perspectives_names(client):
    for text in ("", " \n", None):
        error = refused(post(client, {**ask(), "comment": {"text": text}}))
        assert error["details"][0]["errorType"] == "COMMENT_EMPTY"
    error = refused(post(client, ask("x" * 20_001)))
    assert error["message"].startswith("Comment text too long.")
    assert error["details"][0]["errorType"] == "COMMENT_TOO_LONG"


def test_errors_of_other_kinds(client):
    refused(client.post("/v1alpha1/comments:analyze", content=b"{", headers={"content-type": "application/json"}))
    refused(client.post("/v1alpha1/comments:analyze", content=b"a=b"), 415)
    refused(client.get("/v1alpha1/comments:analyze"), 405)
    refused(post(client, ask("x" * 200_001)), 413)
    refused(client.get("/v1alpha1/comments:nothing"), 404, "NOT_FOUND")
    refused(client.get("/$discovery/rest?version=v2"), 404, "NOT_FOUND")
    assert client.get("/$discovery/rest").json()["rootUrl"] == "http://127.0.0.1/"


def test_what_google_clients_add_to_the_query_changes_nothing(client):
    answer = client.post("/v1alpha1/comments:analyze?key=k&alt=json&prettyPrint=false&$.xgafv=2", json=ask())
    assert answer.json() == post(client, ask()).json()


@given(st.text(max_size=100), st.booleans())
def test_any_text_is_scored(client, text, spans):
    text += " Russophobia is spreading there."
    answer = post(client, ask(text, spanAnnotations=spans, languages=["en"]))
    if any("\ud800" <= character <= "\udfff" for character in text):
        refused(answer)
        return
    units = text.encode("utf-16-le")
    end = 0
    for span in answer.json()["attributeScores"]["INEVITABLE_WAR"]["spanScores"]:
        assert end <= span["begin"] < span["end"] <= len(units) // 2
        end = span["end"]
        units[2 * span["begin"] : 2 * end].decode("utf-16-le")


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=20),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3),
    max_leaves=8,
)


@given(values)
def test_no_json_makes_it_fail(client, value):
    for asked in (
        value,
        ask(comment=value),
        ask(value),
        ask(requestedAttributes=value),
        ask(requestedAttributes={"RUSSOPHOBIA": value}),
        ask(languages=value),
        ask(languages=[value]),
        ask(clientToken=value),
        ask(context=value),
    ):
        assert post(client, asked).status_code in (200, 400)


def suggestion(scores, text=TEXT, **more):
    return {"comment": {"text": text}, "attributeScores": scores, **more}


def stored(client):
    """All feedback of the application, the newest last, without what differs each time."""
    rows = client.get("/v1/review?limit=200").json()["items"]
    names = ("text", "label", "verdict", "begin", "end", "annotator", "language", "digest")
    return [{name: row[name] for name in names} for row in rows]


def test_google_client_suggests_scores(comments):
    asked = suggestion({"RUSSOPHOBIA": {"summaryScore": {"value": 1}}}, languages=["en"], clientToken="t")
    assert comments.suggestscore(body=asked).execute() == {"requestedLanguages": ["en"], "clientToken": "t"}


def test_suggestions_are_feedback(client, small_model):
    labels, _ = labels_of(small_model, TEXT)
    assert labels["russophobia"].decision == "yes"
    assert labels["wider-war"].decision != "yes"
    begin = TEXT.index("Russophobia")
    end = begin + len("Russophobia")
    units = [len(TEXT[:place].encode("utf-16-le")) // 2 for place in (begin, end)]
    assert units != [begin, end]
    before = stored(client)
    asked = suggestion(
        {
            "RUSSOPHOBIA": {
                "summaryScore": {"value": 1.0, "type": "PROBABILITY"},
                "spanScores": [{"begin": units[0], "end": units[1], "score": {"value": 0.5}}],
            },
            "WIDER_WAR": {"summaryScore": {"value": 0.5}},
            "INEVITABLE_WAR": {"summaryScore": {"value": 0.49}},
        },
        languages=["en"],
        communityId="desk 3",
    )
    assert post(client, asked, "suggestscore").json() == {"requestedLanguages": ["en"]}
    new = [row for row in stored(client) if row not in before]
    common = {"text": TEXT, "annotator": "desk 3", "language": "en", "digest": small_model.identity.digest}
    whole = {"begin": None, "end": None}
    expected = [
        {**common, "label": "russophobia", "verdict": "correct", **whole},
        {**common, "label": "russophobia", "verdict": "correct", "begin": begin, "end": end},
        {**common, "label": "wider-war", "verdict": "missing", **whole},
        {**common, "label": "inevitable-war", "verdict": "incorrect", **whole},
    ]
    assert sorted(map(str, new)) == sorted(str({name: row[name] for name in new[0]}) for row in expected)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "no scores"),
        ({"RUSSOPHOBIA": {}}, "no scores"),
        ({"TOXICITY": {"summaryScore": {"value": 1}}}, "Unknown requested attribute"),
        ({"THEME_WAR": {"summaryScore": {"value": 1}}}, "Unknown requested attribute"),
        ({"RUSSOPHOBIA": {"summaryScore": {"value": 1.5}}}, "value"),
        ({"RUSSOPHOBIA": {"summaryScore": {"value": 1, "type": "RAW"}}}, "RAW cannot be suggested"),
        ({"RUSSOPHOBIA": {"spanScores": [{"begin": 0, "end": 999, "score": {"value": 1}}]}}, "outside the text"),
        ({"RUSSOPHOBIA": {"spanScores": [{"begin": 1, "end": 5, "score": {"value": 1}}]}}, "middle of a character"),
        ({"RUSSOPHOBIA": {"spanScores": [{"begin": 5, "end": 5, "score": {"value": 1}}]}}, "not before"),
        ({"RUSSOPHOBIA": {"spanScores": [{"score": {"value": 1}}] * 101}}, "at most 100"),
    ],
)
def test_suggestions_that_cannot_be_taken_store_nothing(client, scores, message):
    before = stored(client)
    assert message in refused(post(client, suggestion(scores), "suggestscore"))["message"]
    good = {"RUSSOPHOBIA": {"summaryScore": {"value": 1}}}
    refused(post(client, suggestion({**good, "TOXICITY": {}}), "suggestscore"))
    refused(post(client, suggestion(good, communityId="x" * 201), "suggestscore"))
    assert stored(client) == before


@given(values)
def test_no_json_makes_suggestions_fail(client, value):
    asked = suggestion({"RUSSOPHOBIA": value}, "a b")
    for body in (
        value,
        asked,
        {**asked, "attributeScores": value},
        {**asked, "attributeScores": {"RUSSOPHOBIA": {"spanScores": [value]}}},
        {**asked, "communityId": value},
    ):
        assert post(client, body, "suggestscore").status_code in (200, 400)
