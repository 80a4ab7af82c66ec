"""A small corpus on a codebook of two narratives that train in a moment."""

import json

from classifier.corpus.files import write_labels
from classifier.corpus.sentence import LabelledSentence
from classifier.taxonomy import VOICES

WORDS = ("glaciers", "scientists", "ministers", "voters", "farmers", "bankers", "heaters", "turbines", "oceans")
CLAIMS = {
    "hoax": "They say that warming is a hoax of",
    "cost": "Green rules ruin the jobs of",
    None: "Here is a list of",
}


def write_corpus(directory):
    directory.mkdir()
    narratives = [{"id": name, "name": name, "definition": "."} for name in CLAIMS if name]
    (directory / "taxonomy.yaml").write_text(json.dumps({"version": 1, "narratives": narratives}))
    rows = [
        LabelledSentence(
            f"{claim}{a}{b}",
            f"{said} {WORDS[a]}, {WORDS[b]} and {a * b}",
            "en",
            {claim: VOICES[(a + b) % 3]} if claim else {},
        )
        for claim, said in CLAIMS.items()
        for a in range(len(WORDS))
        for b in range(a)
    ]
    write_labels(directory / "rows.csv", rows)
    return directory
