"""The log-probabilities of words after a prompt, computed by transformers from the same GGUF file.

Run by benchmarks/embedded.py in an environment of its own (torch, transformers, gguf); knows nothing of Dikast.
Reads {"prompts": [{"text", "tokens", "words": {name: [token, ...]}}]} from standard input.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

path = Path(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)

answers = []
for prompt in json.load(sys.stdin)["prompts"]:
    found = {}
    for name, tokens in prompt["words"].items():
        ids = torch.tensor([prompt["tokens"] + tokens])
        with torch.no_grad():
            logs = model(ids).logits[0].log_softmax(-1)
        start = len(prompt["tokens"]) - 1
        found[name] = sum(float(logs[start + place, token]) for place, token in enumerate(tokens))
    own = tokenizer(prompt["text"], add_special_tokens=False)["input_ids"]
    answers.append({"logprobs": found, "same_tokens": own == prompt["tokens"]})
json.dump({"torch": torch.__version__, "answers": answers}, sys.stdout)
