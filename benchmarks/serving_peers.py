"""The services that ``benchmarks/serving.py`` sets ours beside: ``python serving_peers.py KIND PORT PIPELINE``.

``PIPELINE`` is the shipped model as scikit-learn pipeline (``narratives export``). Each takes ``{"text": "..."}`` and
answers probabilities, but for ``echo``, which gives the body back: what FastAPI and pydantic cost by themselves.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def echo(port: int, _: str) -> None:
    """FastAPI and pydantic, and nothing else."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Body(BaseModel):
        text: str
        explain: dict[str, Any] | None = None

    app = FastAPI()

    async def score(body: Body) -> Body:
        return body

    # Annotations here are strings and Body is local: hand them over as they are.
    score.__annotations__ = {"body": Body, "return": Body}
    app.post("/v1/score")(score)
    uvicorn.run(app, port=port, access_log=False, log_level="warning")


def pipeline(port: int, path: str) -> None:
    """FastAPI and pydantic around the scikit-learn pipeline."""
    import joblib
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel

    class Body(BaseModel):
        text: str
        explain: dict[str, Any] | None = None

    app = FastAPI()
    model = joblib.load(path)

    async def score(body: Body) -> dict[str, list[float]]:
        return {"probabilities": model.predict_proba([body.text])[0].tolist()}

    score.__annotations__ = {"body": Body, "return": dict[str, list[float]]}
    app.post("/v1/score")(score)
    uvicorn.run(app, port=port, access_log=False, log_level="warning")


try:
    from litserve import LitAPI
except ImportError:  # where only echo is wanted
    LitAPI = object


class LitServeAPI(LitAPI):
    """Its worker is a process of its own that imports this file, so this cannot stand inside a function."""

    def setup(self, device: str) -> None:
        import joblib

        self.model = joblib.load(os.environ["PIPELINE"])

    def decode_request(self, request):  # LitServe reads annotations, and these are strings
        return request["text"]

    def predict(self, text: str) -> list[float]:
        return self.model.predict_proba([text])[0].tolist()

    def encode_response(self, output: list[float]) -> dict[str, list[float]]:
        return {"probabilities": output}


def litserve(port: int, path: str) -> None:
    """LitServe, one worker."""
    import litserve as ls

    os.environ["PIPELINE"] = path
    server = ls.LitServer(LitServeAPI(api_path="/v1/score"), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


def bentoml(port: int, path: str) -> None:
    """BentoML, one worker."""
    place = Path(path).parent
    (place / "bento_peer.py").write_text(
        "import bentoml, joblib\n\n\n"
        "@bentoml.service(workers=1)\n"
        "class Score:\n"
        "    def __init__(self):\n"
        f"        self.model = joblib.load({path!r})\n\n"
        "    @bentoml.api(route='/v1/score')\n"
        "    def score(self, text: str) -> list[float]:\n"
        "        return self.model.predict_proba([text])[0].tolist()\n"
    )
    os.chdir(place)
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.execv(
        sys.executable,
        [sys.executable, "-m", "bentoml", "serve", "bento_peer:Score", "--host", "127.0.0.1", "--port", str(port)],
    )


def mlserver(port: int, path: str) -> None:
    """MLServer with its scikit-learn runtime, no worker pool of its own (that would add a process to pass texts to)."""
    place = Path(path).parent / "mlserver"
    place.mkdir(exist_ok=True)
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": port + 1_000,
        "metrics_port": port + 2_000,
        "parallel_workers": 0,
        "debug": False,
    }
    model = {
        "name": "narratives",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": path},
    }
    (place / "settings.json").write_text(json.dumps(settings))
    (place / "model-settings.json").write_text(json.dumps(model))
    command = [str(Path(sys.executable).parent / "mlserver"), "start", str(place)]
    os.execv(command[0], command)


if __name__ == "__main__":
    kinds = {f.__name__: f for f in (echo, pipeline, litserve, bentoml, mlserver)}
    kinds[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
