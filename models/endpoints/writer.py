"""The vision-language model of synthesis and benchmarks, where servers hold its weights."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from models.endpoints.adapters import ServedAdapter
from models.endpoints.dialects import CHAT, Dialect, Reply, Speech, dialect_of
from models.endpoints.servers import Addresses, Answerless, Refusal, Server, Servers
from models.locations import resolve
from models.served import Asked, Sampling, ServedVlm
from models.vlm import ends_of, load_processing
from viper.errors import EndpointAway, ModelError
from viper.progress import tell
from viper.settings import EndpointServing, VlmSettings

log = logging.getLogger("viper")


class EndpointVlm(ServedVlm):
    """Asks servers. The adapter, if there is one, is loaded into them for as long as this is open.

    Args:
        settings: Of the model.
        serving: How servers are asked.
        adapter: Folder of the adapter on its weights; empty for none.
        addresses: Of the servers; ``None`` for those that the environment names.

    Raises:
        AddressError: No usable address, or a key that is refused.
        EndpointAway: A server does not answer.
        ModelError: A server has another model, or does not load the adapter.
    """

    def __init__(
        self, settings: VlmSettings, serving: EndpointServing, adapter: str = "", addresses: Addresses | None = None
    ) -> None:
        super().__init__(*load_processing(settings))
        self.servers = Servers(serving, addresses)
        try:
            dialect, name = find_model(self.servers, settings, serving)
            self.adapter = ServedAdapter(self.servers, Path(adapter)) if adapter else None
        except BaseException:
            self.servers.close()
            raise
        self.speech = Speech(dialect, self.adapter.name if self.adapter else name, ends_of(settings, self.config))

    def complete(self, asked: Sequence[Callable[[], Asked]], sampling: Sequence[Sampling]) -> list[str]:
        """As ``ServedVlm.complete``. What it took is logged."""
        replies: list[str] = []
        pairs = list(zip(asked, sampling, strict=True))
        for (reply,) in self.servers.each(lambda pair: self.reply(pair[0](), pair[1]), pairs):
            tell(len(replies), len(pairs))
            replies.append(self.said(reply.ids) if reply.ids is not None else reply.text.strip())
        log.info("Servers of the VLM, so far: %s", self.servers.usage)
        return replies

    def reply(self, asked: Asked, sampling: Sampling, count: int = 1, *, logps: bool = False) -> list[Reply]:
        """Replies to one prompt.

        Args:
            asked: The prompt.
            sampling: How they are drawn.
            count: How many.
            logps: Whether the log-probabilities of their tokens are wanted.

        Raises:
            EndpointAway: No server answers.
            ModelError: A server refuses the prompt, or reads another one.
        """
        body = self.speech.body(asked, sampling, count, logps=logps)
        try:
            try:
                answer = self.servers.ask(CHAT, body)
            except Refusal as error:
                if self.adapter is None or error.status != 404:
                    raise
                # A server that was started anew, or whose adapter another process took out.
                self.adapter.load()
                answer = self.servers.ask(CHAT, body)
        except Refusal as error:
            raise ModelError(f"A server refuses a prompt of models.vlm: {error}") from error
        return self.speech.replies(answer, asked, count)

    def adopt(self, folder: Path) -> None:
        """Go on with another adapter: it is loaded before the one that it follows is taken out.

        Raises:
            ModelError: A server does not load it.
            EndpointAway: A server does not answer.
        """
        before, self.adapter = self.adapter, ServedAdapter(self.servers, folder)
        self.speech = replace(self.speech, model=self.adapter.name)
        if before is not None and before.name != self.adapter.name:
            before.unload()

    def close(self) -> None:
        """Take the adapter out of the servers, and end the connections."""
        if self.adapter is not None:
            self.adapter.unload()
        self.servers.close()


def find_model(servers: Servers, settings: VlmSettings, serving: EndpointServing) -> tuple[Dialect, str]:
    """What kind of servers they are, and the name under which all of them serve the model.

    Raises:
        EndpointAway: A server does not answer.
        AddressError: A server refuses the key.
        ModelError: A server has another model, or the servers are of several kinds.
    """
    found = {_find_on(server, servers, settings, serving) for server in servers.all}
    if len(found) > 1:
        told = ", ".join(f"{name!r} ({dialect})" for dialect, name in sorted(found))
        raise ModelError(f"The servers of models.vlm differ: {told}. Start all of them alike, under one name.")
    return found.pop()


def _find_on(server: Server, servers: Servers, settings: VlmSettings, serving: EndpointServing) -> tuple[Dialect, str]:
    try:
        listed = servers.call(server, "GET", "/v1/models").get("data")
    except Answerless as error:
        raise EndpointAway(f"{error}. Start it, or correct VIPER_VLM_ENDPOINTS.") from error
    except Refusal as error:
        raise ModelError(f"No OpenAI API: {error} Expected vLLM's or another at VIPER_VLM_ENDPOINTS.") from error
    cards = [card for card in listed or () if isinstance(card, dict) and not card.get("parent")]
    wanted = {serving.served_name} if serving.served_name else {settings.path, resolve(settings.path)}
    for card in cards:
        if card.get("id") in wanted or (not serving.served_name and card.get("root") in wanted):
            return dialect_of(card), str(card["id"])
    names = ", ".join(repr(str(card.get("id"))) for card in cards) or "no model"
    raise ModelError(
        f"{server.address} serves {names}, but models.vlm is {serving.served_name or settings.path!r}. Start it with "
        "that model, or set models.vlm.serving.served_name to the name that it has there."
    )
