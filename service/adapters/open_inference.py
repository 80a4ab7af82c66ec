"""The Open Inference Protocol V2 (KServe, Triton) over HTTP, with its binary tensor data extension.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import UNSET, Meta, UnsetType
from starlette.concurrency import run_in_threadpool

from classifier.model.answer import Answer
from classifier.model.scoring import NarrativeModel
from service.adapters.binary_tensors import read_strings, write_doubles, write_strings
from service.adapters.decoding import decode_or_400
from service.bodies import read_body
from service.live import models_of
from service.problems import Problem
from service.scoring import in_hand, score_texts
from service.settings import Settings, settings_of
from service.texts import has_surrogate, text_fault

router = APIRouter(tags=["Open Inference Protocol V2"])

HEADER_LENGTH = "Inference-Header-Content-Length"
"""How many bytes of a body are JSON; binary tensors follow."""

Parameters = dict[str, bool | int | float | str]


class InferInputTensor(msgspec.Struct):
    """``data``, nested or flat, or ``parameters.binary_data_size`` bytes after the JSON."""

    name: Annotated[str, Meta(description="text")]
    datatype: Annotated[str, Meta(description="BYTES")]
    shape: Annotated[list[Annotated[int, Meta(ge=0)]], Meta(description="[n] or [n, 1]")]
    parameters: Parameters = {}
    data: list[str | list[str]] | UnsetType = UNSET


class InferRequestedOutput(msgspec.Struct):
    """``parameters.binary_data``: whether its data follows the JSON as bytes."""

    name: Annotated[str, Meta(description="probabilities or labels")]
    parameters: Parameters = {}


class InferRequest(msgspec.Struct):
    """One tensor ``text``. ``parameters.binary_data_output``: all outputs as bytes."""

    inputs: list[InferInputTensor]
    id: str | UnsetType = UNSET
    parameters: Parameters = {}
    outputs: list[InferRequestedOutput] = []


class InferOutputTensor(msgspec.Struct, omit_defaults=True):
    """``probabilities`` (FP64, [n, k]) or ``labels`` (BYTES, [k], in the order of the columns)."""

    name: str
    datatype: str
    shape: list[int]
    parameters: Parameters = {}
    data: Sequence[float | str] | UnsetType = UNSET


class InferResponse(msgspec.Struct):
    """``parameters`` are those of the request, and the model's ``digest``."""

    model_name: str
    model_version: str
    parameters: Parameters
    outputs: list[InferOutputTensor]
    id: str | UnsetType = UNSET


class TensorMetadata(msgspec.Struct):
    """-1 stands for any size."""

    name: str
    datatype: str
    shape: list[int]


class InferModelMetadata(msgspec.Struct):
    """What the model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class InferError(msgspec.Struct):
    """Every error of the protocol."""

    error: str


SCHEMAS = (InferRequest, InferResponse, InferModelMetadata, InferError)
"""What the OpenAPI description needs of this file."""

EXAMPLE = {
    "id": "42",
    "inputs": [
        {
            "name": "text",
            "datatype": "BYTES",
            "shape": [2],
            "data": [
                "A war with Azerbaijan is inevitable, military bloggers wrote.",
                "The trains between Baku and Tbilisi run again.",
            ],
        }
    ],
    "outputs": [{"name": "probabilities"}, {"name": "labels"}],
}

BINARY_EXAMPLE = (
    '{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 7}}]}'
    "\x03\x00\x00\x00War"
)
"""Its JSON has 104 bytes: that is what the header says."""


def error_body(status: int, detail: str, field: str) -> dict[str, str]:
    """An error as the protocol has it."""
    return {"error": detail}


def _json(schema: str, description: str) -> dict[str, Any]:
    ref = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": description, "content": {"application/json": {"schema": ref}}}


_errors = {
    "400": _json("InferError", "Something in the request cannot be taken"),
    "404": _json("InferError", "No such model or version"),
    "408": _json("InferError", "The body did not arrive in time"),
    "413": _json("InferError", "Too large"),
    "415": _json("InferError", "A Content-Encoding other than gzip and deflate"),
    "429": _json("InferError", "Too many requests"),
    "503": _json("InferError", "No model is loaded yet"),
}
_about_model = {"responses": {"200": _json("InferModelMetadata", "Inputs and outputs"), "404": _errors["404"]}}
_ready = {"responses": {"404": _errors["404"], "503": _errors["503"]}}
_infer = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/InferRequest"}, "example": EXAMPLE},
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": BINARY_EXAMPLE,
            },
        },
    },
    "parameters": [
        {
            "name": HEADER_LENGTH,
            "in": "header",
            "description": "Bytes of JSON before the binary tensors; without it the whole body is JSON",
            "schema": {"type": "integer", "minimum": 0},
        }
    ],
    "responses": {"200": _json("InferResponse", "Binary where that was asked for"), **_errors},
}


@router.get("/v2", summary="The server, and its extensions")
async def server_metadata(request: Request) -> dict[str, Any]:
    """Open Inference Protocol: server metadata."""
    return {"name": "narratives", "version": request.app.version, "extensions": ["binary_tensor_data"]}


@router.get("/v2/health/live", summary="Is the server up?")
async def server_live() -> dict[str, bool]:
    """Open Inference Protocol: server live."""
    return {"live": True}


@router.get("/v2/health/ready", summary="Can the server score?", openapi_extra={"responses": {"503": _errors["503"]}})
async def server_ready(request: Request) -> dict[str, bool]:
    """503 until a model is loaded."""
    return {"ready": models_of(request).current is not None}


@router.get("/v2/models/{model_name}/ready", summary="Can the model score?", openapi_extra=_ready)
async def model_ready(request: Request, model_name: str) -> dict[str, Any]:
    """Open Inference Protocol: model ready."""
    return {"name": (await _model(request, model_name)).identity.name, "ready": True}


@router.get("/v2/models/{model_name}/versions/{version}/ready", summary="Can the version score?", openapi_extra=_ready)
async def version_ready(request: Request, model_name: str, version: str) -> dict[str, Any]:
    """Open Inference Protocol: model ready."""
    return {"name": (await _model(request, model_name, version)).identity.name, "ready": True}


@router.get("/v2/models/{model_name}", summary="What the model takes and gives", openapi_extra=_about_model)
async def model_metadata(request: Request, model_name: str) -> Response:
    """Open Inference Protocol: model metadata."""
    return await _metadata(request, await _model(request, model_name))


@router.get(
    "/v2/models/{model_name}/versions/{version}", summary="What the version takes and gives", openapi_extra=_about_model
)
async def version_metadata(request: Request, model_name: str, version: str) -> Response:
    """Open Inference Protocol: model metadata."""
    return await _metadata(request, await _model(request, model_name, version))


@router.post("/v2/models/{model_name}/infer", summary="Score texts as a tensor", openapi_extra=_infer)
async def infer(request: Request, model_name: str) -> Response:
    """Whole texts: `text` in, `probabilities` [n, k] and `labels` [k] out. One bad text refuses the request, named."""
    return await _inferred(request, await _model(request, model_name))


@router.post(
    "/v2/models/{model_name}/versions/{version}/infer",
    summary="Score texts as a tensor, with a version",
    openapi_extra=_infer,
)
async def infer_with_version(request: Request, model_name: str, version: str) -> Response:
    """As without a version."""
    return await _inferred(request, await _model(request, model_name, version))


@router.post(
    "/v2/repository/index",
    summary="Which models there are",
    openapi_extra={
        "requestBody": {"required": False, "content": {"application/json": {"schema": {}, "example": {}}}},
        "responses": {"503": _errors["503"]},
    },
)
async def repository_index(request: Request) -> list[dict[str, str]]:
    """Triton's model repository extension, read only. Versions that are not loaded are, when they are asked for."""
    models = models_of(request)
    name = models.current.identity.name
    versions = await run_in_threadpool(models.listing)
    return [{"name": name, "version": entry["version"], "state": "READY"} for entry in versions]


async def _model(request: Request, name: str, version: str | None = None) -> NarrativeModel:
    """The model asked for. Raises :class:`Problem` (404, 503)."""
    models = models_of(request)
    own = models.current.identity.name
    if name != own:
        raise Problem(404, f"unknown model {name!r}; there is {own!r}")
    found = models.ready(version)
    # One that is not loaded is read from the disk, which must not keep others waiting.
    return found if found is not None else await run_in_threadpool(models.version, version, field="version")


async def _metadata(request: Request, model: NarrativeModel) -> Response:
    k = len(model.ids)
    listing = await run_in_threadpool(models_of(request).listing)
    told = InferModelMetadata(
        name=model.identity.name,
        versions=[entry["version"] for entry in listing],
        platform="narratives",
        inputs=[TensorMetadata("text", "BYTES", [-1])],
        outputs=[TensorMetadata("probabilities", "FP64", [-1, k]), TensorMetadata("labels", "BYTES", [k])],
    )
    return Response(msgspec.json.encode(told), media_type="application/json")


async def _inferred(request: Request, model: NarrativeModel) -> Response:
    body = await read_body(request)
    header, tensors = await in_hand(len(body), _answer, request, model, body)
    if tensors is None:
        return Response(header, media_type="application/json")
    content = b"".join((header, *tensors))
    return Response(content, media_type="application/octet-stream", headers={HEADER_LENGTH: str(len(header))})


def _answer(request: Request, model: NarrativeModel, body: bytes) -> tuple[bytes, list[bytes] | None]:
    """The JSON of the answer, and the binary tensors after it (None where there are none)."""
    settings = settings_of(request)
    header, rest = _split(request, body)
    asked = decode_or_400(header, InferRequest)
    _check_echo(asked)
    wanted = _outputs(asked)
    texts = _texts(asked, rest, settings)
    answer = score_texts(request, model, texts, explain=None, all=True)
    outputs, tensors = [], []
    for name, binary in wanted:
        tensor, data = _tensor(name, binary, model, answer)
        outputs.append(tensor)
        if data is not None:
            tensors.append(data)
    identity = model.identity
    parameters = {name: value for name, value in asked.parameters.items() if name != "binary_data_output"}
    told = InferResponse(
        model_name=identity.name,
        model_version=identity.version,
        parameters=parameters | {"digest": identity.digest},
        outputs=outputs,
        id=asked.id,
    )
    return msgspec.json.encode(told), tensors if any(binary for _, binary in wanted) else None


def _split(request: Request, body: bytes) -> tuple[bytes, bytes]:
    """The JSON, and the bytes of tensors after it."""
    told = request.headers.get(HEADER_LENGTH)
    if told is None:
        return body, b""
    if not (told.isascii() and told.isdigit() and len(told) < 16 and int(told) <= len(body)):
        raise Problem(400, f"{HEADER_LENGTH} is {told!r}; the body has {len(body)} bytes")
    return body[: int(told)], body[int(told) :]


def _check_echo(asked: InferRequest) -> None:
    """What comes back with the answer must be text."""
    told: list[tuple[str, object]] = [("id", asked.id)]
    told += [("parameters", part) for pair in asked.parameters.items() for part in pair]
    for field, value in told:
        if isinstance(value, str) and has_surrogate(value):
            raise Problem(400, f"{field}: it holds a lone surrogate, which is no character", field=field)


def _outputs(asked: InferRequest) -> list[tuple[str, bool]]:
    """Names of the outputs in the order asked for, and whether each is wanted as bytes."""
    everything = bool(asked.parameters.get("binary_data_output", False))
    wanted: dict[str, bool] = {}
    for output in asked.outputs:
        if output.name not in ("probabilities", "labels"):
            raise Problem(
                400, f"unknown output {output.name!r}; there are 'probabilities' and 'labels'", field="outputs"
            )
        if output.name in wanted:
            raise Problem(400, f"output {output.name!r} is asked for twice", field="outputs")
        _refuse_extensions(output.parameters, output.name)
        wanted[output.name] = bool(output.parameters.get("binary_data", everything))
    return list(wanted.items()) or [("probabilities", everything), ("labels", everything)]


def _refuse_extensions(parameters: Parameters, name: str) -> None:
    for parameter in parameters:
        if parameter == "classification" or parameter.startswith("shared_memory"):
            raise Problem(400, f"{name!r}: the extension behind {parameter!r} is not there; leave it out")


def _texts(asked: InferRequest, rest: bytes, settings: Settings) -> list[str]:
    """The elements of ``text``. Raises :class:`Problem` (400)."""
    names = [tensor.name for tensor in asked.inputs]
    if names != ["text"]:
        raise Problem(400, f"inputs are {names[:5]!r}; exactly one is taken, 'text'", field="inputs")
    tensor = asked.inputs[0]
    if tensor.datatype != "BYTES":
        raise Problem(400, f"the datatype of 'text' is {tensor.datatype!r}; BYTES is taken", field="inputs")
    _refuse_extensions(tensor.parameters, "text")
    n = tensor.shape[0] if len(tensor.shape) == 1 or tensor.shape[1:] == [1] else 0
    if not n:
        raise Problem(
            400, f"the shape of 'text' is {tensor.shape[:5]}; [n] and [n, 1] are taken, n >= 1", field="inputs"
        )
    if n > settings.max_items:
        raise Problem(400, f"{n} texts; at most {settings.max_items} are taken: send several requests", field="inputs")
    data = tensor.data
    texts = _binary_elements(tensor, rest, n) if isinstance(data, UnsetType) else _json_elements(tensor, data, rest)
    if len(texts) != n:
        raise Problem(400, f"the data of 'text' has {len(texts)} elements; its shape has {n}", field="inputs")
    for place, text in enumerate(texts):
        told = text_fault(text, settings)
        if told:
            raise Problem(400, f"text[{place}]: {told}", field="inputs")
    return texts


def _json_elements(tensor: InferInputTensor, data: list[str | list[str]], rest: bytes) -> list[str]:
    if "binary_data_size" in tensor.parameters or rest:
        raise Problem(400, "'text' has data in the JSON and bytes after it; send one of them", field="inputs")
    found: list[str] = []
    for row in data:
        if isinstance(row, str):
            found.append(row)
        else:
            found += row
    return found


def _binary_elements(tensor: InferInputTensor, rest: bytes, n: int) -> list[str]:
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        told = f"'text' has neither data nor binary_data_size; {HEADER_LENGTH} says where binary data begins"
        raise Problem(400, told, field="inputs")
    if isinstance(size, bool) or size != len(rest):
        told = f"binary_data_size of 'text' is {size!r}; {len(rest)} bytes follow the JSON ({HEADER_LENGTH})"
        raise Problem(400, told, field="inputs")
    try:
        return read_strings(rest, n)
    except ValueError as error:
        raise Problem(400, f"the bytes of 'text': {error}", field="inputs") from None


def _tensor(name: str, binary: bool, model: NarrativeModel, answer: Answer) -> tuple[InferOutputTensor, bytes | None]:
    """An output, and its data as bytes where they are wanted so."""
    k = len(model.ids)
    if name == "labels":
        ids = list(model.ids)
        tensor, data = InferOutputTensor(name, "BYTES", [k], data=ids), write_strings(ids) if binary else None
    else:
        rows = _probabilities(model, answer)
        tensor = InferOutputTensor(name, "FP64", [len(answer.results), k], data=rows)
        data = write_doubles(rows) if binary else None
    if data is not None:
        tensor.data, tensor.parameters = UNSET, {"binary_data_size": len(data)}
    return tensor, data


def _probabilities(model: NarrativeModel, answer: Answer) -> list[float]:
    """Of whole texts, row by row, in column order."""
    found: list[float] = []
    for result in answer.results:
        by_id = {label.id: label.probability for label in result.labels}
        found += [by_id[narrative] for narrative in model.ids]
    return found
