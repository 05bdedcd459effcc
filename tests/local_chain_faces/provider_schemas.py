"""What Blockfrost and Ogmios say about the shape of their answers, as checks for tests.

In: the published descriptions (npm ``@blockfrost/openapi``, ``vectors/ogmios``) and answers. Out: nothing, or
the failure. Ogmios publishes its schemas in no package: ``@cardano-ogmios/schema`` has their types alone.
"""

import json
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7, DRAFT202012


class BlockfrostDescription:
    """Blockfrost's OpenAPI description. Answers may have no field that it does not list."""

    URI = "urn:blockfrost"

    def __init__(self, path: Path) -> None:
        self.document = _json_schema(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(self.URI, resource)

    def template(self, path: str) -> str | None:
        """The path of the description that ``path`` is an instance of; a literal one before one with parameters."""
        parts = path.split("/")
        found = [
            known
            for known in self.document["paths"]
            if len(split := known.split("/")) == len(parts)
            and all(ours == theirs or theirs.startswith("{") for ours, theirs in zip(parts, split, strict=True))
        ]
        return min(found, key=lambda known: known.count("{"), default=None)

    def check(self, method: str, path: str, status: int, body: Any) -> None:
        """Hold an answer against the description."""
        steps = ["paths", self.template(path) or "", method.lower(), "responses", str(status)]
        place = self._at(steps)
        if place is None:  # an error without a place of its own: they all have one shape
            assert status >= 400, f"{method} {path} is not described"
            steps = ["components", "responses", "400"]
        elif "$ref" in place:
            steps = place["$ref"].removeprefix("#/").split("/")
        steps += ["content", "application/json", "schema"]
        pointer = "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)
        schema = {"$ref": f"{self.URI}#/{pointer.replace('{', '%7B').replace('}', '%7D')}"}
        Draft202012Validator(schema, registry=self._registry).validate(body)
        if status != 200:
            assert body["status_code"] == status

    def _at(self, steps: list[str]) -> Any:
        place: Any = self.document
        for step in steps:
            place = place.get(step, {})
        return place or None


def _json_schema(part: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: ``nullable`` is a type there; and no field but the listed ones."""
    if isinstance(part, list):
        return [_json_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    schema = {name: value if name == "example" else _json_schema(value) for name, value in part.items()}
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:  # what Blockfrost answers where a list of values leaves null out
            schema["enum"] = [*schema["enum"], None]
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
    return schema


class OgmiosDescription:
    """The JSON schemas of Ogmios v6, with the three places corrected where no answer at all could satisfy them."""

    def __init__(self, vectors: Path) -> None:
        self.document = json.loads((vectors / "ogmios" / "ogmios.json").read_text())
        cardano = json.loads((vectors / "ogmios" / "cardano.json").read_text())
        # ``required`` names a property that ``additionalProperties: false`` forbids
        _replace(self.document["properties"]["RpcError"]["properties"]["error"]["required"], "string", "message")
        _replace(self.document["properties"]["QueryNetworkInvalidGenesis"]["required"], "result", "error")
        # ``ada`` is required, and no policy id
        cardano["definitions"]["Value"]["propertyNames"]["pattern"] = "^(ada|[0-9a-f]{56})$"
        self._registry: Registry[Any] = Registry().with_resources(
            (name, Resource.from_contents(content, default_specification=DRAFT7))
            for name, content in (("ogmios.json", _without_id(self.document)), ("cardano.json", _without_id(cardano)))
        )

    def check_request(self, request: dict[str, Any]) -> None:
        """Hold a request against the schema of its method."""
        self._validator(_title(request["method"])).validate(request)

    def check(self, response: dict[str, Any]) -> None:
        """Hold a response against the schema of its method, or of errors without one."""
        if "method" not in response:
            name = "RpcError"
        elif response["method"] == "queryNetwork/genesisConfiguration" and "error" in response:
            name = "QueryNetworkInvalidGenesis"
        else:
            name = f"{_title(response['method'])}Response"
        self._validator(name).validate(response)

    def _validator(self, name: str) -> Validator:
        return Draft7Validator({"$ref": f"ogmios.json#/properties/{name}"}, registry=self._registry)


def _title(method: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in method.split("/"))


def _replace(names: list[str], wrong: str, right: str) -> None:
    names[names.index(wrong)] = right


def _without_id(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("$id", "$schema")}
