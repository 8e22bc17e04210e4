"""LM Studio: its OpenAI-compatible chat, and the facts of a model from its own API.

Naming a model that is not loaded loads it, with its default context. How a long prompt is treated depends on the app's
overflow policy, which may cut the middle: the prompt tokens it counts are checked.
"""

from __future__ import annotations

import msgspec

from dikast.errors import EndpointGarbled, EndpointRefused
from dikast.models.client import if_there
from dikast.models.endpoint import Capabilities, Fingerprint
from dikast.models.openai_compatible import OpenAICompatible
from dikast.models.served import Installed


class _Quantization(msgspec.Struct):
    name: str | None = None


class _InstanceConfig(msgspec.Struct):
    context_length: int | None = None


class _Instance(msgspec.Struct):
    id: str = ""
    config: _InstanceConfig = msgspec.field(default_factory=_InstanceConfig)


class _Model(msgspec.Struct):
    key: str
    type: str = "llm"
    quantization: _Quantization | None = None
    size_bytes: int | None = None
    params_string: str | None = None
    loaded_instances: list[_Instance] = []
    max_context_length: int | None = None


class _Models(msgspec.Struct):
    models: list[_Model]


class _OldModel(msgspec.Struct):
    id: str
    type: str = "llm"
    quantization: str | None = None
    state: str | None = None
    max_context_length: int | None = None
    loaded_context_length: int | None = None


class _OldModels(msgspec.Struct):
    data: list[_OldModel]


class LMStudio(OpenAICompatible):
    """A model in LM Studio."""

    server = "lmstudio"

    async def installed(self) -> list[Installed]:
        """The language models that LM Studio has, from its newer API, else its older one."""
        try:
            answer = await self._client.get("/api/v1/models", _Models)
            return [_installed(model) for model in answer.models if model.type in ("llm", "vlm")]
        except (EndpointRefused, EndpointGarbled):
            old = await self._client.get("/api/v0/models", _OldModels)
            return [_installed_old(model) for model in old.data if model.type in ("llm", "vlm")]

    @staticmethod
    def same_model(wanted: str, name: str) -> bool:
        """Whether two names mean one model: with or without its publisher.

        >>> LMStudio.same_model("qwen3-8b", "qwen/qwen3-8b")
        True
        """
        return wanted == name or wanted == name.rsplit("/", 1)[-1] or name == wanted.rsplit("/", 1)[-1]

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        there = await if_there(self.installed()) or []
        found = next((model for model in there if self.same_model(self.name, model.name)), Installed(name=self.name))
        context = found.context_length or found.trained_context
        fingerprint = Fingerprint(
            server=self.server,
            base_url=self.base_url,
            model=self.name,
            quantization=found.quantization,
            parameters=found.parameters,
            context_length=found.context_length,
        )
        return fingerprint, Capabilities(context_length=context)


def _installed(model: _Model) -> Installed:
    loaded = model.loaded_instances
    return Installed(
        name=model.key,
        size_bytes=model.size_bytes,
        quantization=model.quantization.name if model.quantization else None,
        parameters=model.params_string,
        loaded=bool(loaded),
        context_length=loaded[0].config.context_length if loaded else None,
        trained_context=model.max_context_length,
    )


def _installed_old(model: _OldModel) -> Installed:
    return Installed(
        name=model.id,
        quantization=model.quantization,
        loaded=model.state == "loaded",
        context_length=model.loaded_context_length,
        trained_context=model.max_context_length,
    )
