"""A small server with vLLM's API and a real model behind it, for tests where vLLM is not: chat, token ids, adapters.

It generates with transformers and puts adapters on with peft, in threads of the test's own process.
"""

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import torch
from PIL import Image

from models.prompt_reader import Prompt
from models.vlm import load_vlm
from viper.settings import VlmSettings

LOADING = Lock()
"""transformers loads one model at a time: it changes what is global."""
Fault = Callable[["SmallServer", str], int]
"""By the server and the path that is asked: a status to answer with, -1 to hang up, 0 to answer as usual."""


class SmallServer:
    """One server.

    Args:
        settings: Of the model that it serves.
        name: Under which it serves the model; the path if empty.
        fault: What goes wrong.
        key: That it asks for; empty for none.
    """

    def __init__(self, settings: VlmSettings, name: str = "", fault: Fault | None = None, key: str = "") -> None:
        self.settings, self.name, self.fault, self.key = settings, name or settings.path, fault, key
        self.models = {self.name: load_vlm(settings)}
        self.asked: list[str] = []
        """Paths, in order."""
        self.bodies: list[dict[str, Any]] = []
        self.busy = self.most_busy = 0
        self._counting, self._generating = Lock(), Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.handle(self, {})

            def do_POST(self) -> None:
                server.handle(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"

    def handle(self, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        with self._counting:
            self.asked.append(request.path)
            self.bodies.append(body)
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        try:
            status = self.fault(self, request.path) if self.fault else 0
            if status < 0:
                request.close_connection = True
                return
            if self.key and request.headers["Authorization"] != f"Bearer {self.key}":
                status = 401
            status, answer = (
                (status, {"error": {"message": "as the test wants"}}) if status else self.answer(request, body)
            )
            data = json.dumps(answer).encode()
            request.send_response(status)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
        finally:
            with self._counting:  # before the answer, after which the client may send the next request at once
                self.busy -= 1
        request.wfile.write(data)

    def answer(self, request: BaseHTTPRequestHandler, body: dict[str, Any]) -> tuple[int, Any]:
        match request.path:
            case "/v1/models":
                base = {"id": self.name, "owned_by": "vllm", "root": self.settings.path, "parent": None}
                own = [
                    {"id": name, "owned_by": "vllm", "parent": self.name} for name in self.models if name != self.name
                ]
                return 200, {"data": [base, *own]}
            case "/v1/load_lora_adapter":
                with LOADING:
                    return self.load(body["lora_name"], body["lora_path"])
            case "/v1/unload_lora_adapter":
                return (200, "gone") if self.models.pop(body["lora_name"], None) else (404, {})
            case "/v1/chat/completions" if body["model"] in self.models:
                with self._generating:
                    return 200, self.complete(body)
        return 404, {"error": {"message": f"The model {body.get('model')!r} does not exist."}}

    def load(self, name: str, path: str) -> tuple[int, Any]:
        if name in self.models:
            return 400, {"error": {"message": "The lora adapter has already been loaded."}}
        if not Path(path).is_dir():
            return 404, {"error": {"message": "No adapter found"}}
        self.models[name] = load_vlm(self.settings, path)
        return 200, "loaded"

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        vlm, count = self.models[body["model"]], body.get("n", 1)
        (message,) = body["messages"]
        texts = [part["text"] for part in message["content"] if part["type"] == "text"]
        urls = [part["image_url"]["url"] for part in message["content"] if part["type"] == "image_url"]
        pictures = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]
        inputs = vlm.inputs([Prompt("".join(texts), tuple(pictures))])
        drawn = body["temperature"] > 0
        torch.manual_seed(body.get("seed", 0))
        with torch.inference_mode():
            found = vlm.model.generate(
                **inputs,
                max_new_tokens=body["max_completion_tokens"],
                do_sample=drawn,
                num_return_sequences=count,
                suppress_tokens=[int(token) for token in body.get("logit_bias", ())] or None,
                output_logits=True,
                return_dict_in_generate=True,
                **({"temperature": body["temperature"], "top_k": 0, "top_p": 1.0} if drawn else {}),
            )
        prompt = inputs["input_ids"][0].tolist()
        logps = torch.stack(found.logits, 1).log_softmax(-1)
        choices = []
        for index, row in enumerate(found.sequences[:, len(prompt) :].tolist()):
            ends = [place for place, token in enumerate(row) if token in body["stop_token_ids"]]
            ids = row[: ends[0] + 1] if ends else row
            told = [{"logprob": logps[index, place, token].item()} for place, token in enumerate(ids)]
            content = vlm.processor.tokenizer.decode(ids, skip_special_tokens=True)
            choices.append(
                {"index": index, "message": {"content": content}, "token_ids": ids, "logprobs": {"content": told}}
            )
        usage = {"prompt_tokens": len(prompt), "completion_tokens": sum(len(one["token_ids"]) for one in choices)}
        return {"choices": choices, "usage": usage, "prompt_token_ids": prompt}


@contextmanager
def serving(server: SmallServer) -> Iterator[SmallServer]:
    """The server, answering within the context."""
    thread = Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()
