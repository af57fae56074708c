"""Model: a whole GGUF file of under 1 MB, written by hand, for tests on true decoding."""

import random
import struct
from pathlib import Path
from typing import Literal

# https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32
FLOAT32_TENSOR = 0
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
NORMAL_TOKEN, CONTROL_TOKEN = 1, 3

LAYERS = 3
WIDTH = 64
HEADS = 4
KEY_VALUE_HEADS = 2
FEED_FORWARD = 128
END_OF_TEXT, START_OF_TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
MERGES = ("t h", "th e", "i n", "a n", "Ġ t", "Ġ a", "e r", "o n", "r e", "Ġt he", "o r", "i s")
# Qwen's way to say "do not think" is kept, so that a test can see whether the engine was told so.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)

Fault = Literal["truncated", "not_gguf", "unknown_architecture"]


def write_tiny_gguf(
    path: Path,
    *,
    chat_template: str | None = CHAT_TEMPLATE,
    trained_context: int = 8192,
    fault: Fault | None = None,
    seed: int = 7,
) -> Path:
    """Write a model of about 140 000 random weights to `path` and return `path`; takes some 50 ms.

    It speaks printable ASCII mostly and ends its turn after some 60 tokens, so that what it says can be read and ends
    by itself. The same arguments give the same bytes.
    `chat_template`: ChatML unless told; None leaves it out. `trained_context`: tokens the model says it was trained on.
    `fault`: "truncated" drops the last third, "not_gguf" is text, "unknown_architecture" is well formed but unknown.
    """
    if fault == "not_gguf":
        path.write_text("<html>404</html>" * 64)
        return path
    architecture = "nonesuch" if fault == "unknown_architecture" else "llama"
    tokens = vocabulary()
    fields = metadata(architecture, tokens, chat_template, trained_context)
    tensors = weights(tokens, random.Random(seed))
    body = bytearray(MAGIC + struct.pack("<IQQ", VERSION, len(tensors), len(fields)) + b"".join(fields))
    offset = 0
    for name, shape, values in tensors:
        body += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, FLOAT32_TENSOR, offset)
        offset += aligned(4 * len(values))
    body.extend(bytes(aligned(len(body)) - len(body)))
    for _name, _shape, values in tensors:
        data = struct.pack(f"<{len(values)}f", *values)
        body += data + bytes(aligned(len(data)) - len(data))
    path.write_bytes(body[: len(body) * 2 // 3] if fault == "truncated" else body)
    return path


def vocabulary() -> list[str]:
    """Every byte as GPT-2 writes it, the merged pieces, then the three control tokens; the index is the token's id."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in printable]
    characters = {byte: chr(byte) for byte in printable} | {byte: chr(256 + rank) for rank, byte in enumerate(hidden)}
    merged = [merge.replace(" ", "") for merge in MERGES]
    return [*(characters[byte] for byte in range(256)), *merged, END_OF_TEXT, START_OF_TURN, END_OF_TURN]


def metadata(architecture: str, tokens: list[str], chat_template: str | None, trained_context: int) -> list[bytes]:
    """Encode the key-value pairs that llama.cpp wants to see before the tensors."""
    controls = {END_OF_TEXT, START_OF_TURN, END_OF_TURN}
    kinds = [CONTROL_TOKEN if token in controls else NORMAL_TOKEN for token in tokens]
    numbers = {
        "block_count": LAYERS,
        "context_length": trained_context,
        "embedding_length": WIDTH,
        "feed_forward_length": FEED_FORWARD,
        "attention.head_count": HEADS,
        "attention.head_count_kv": KEY_VALUE_HEADS,
        "rope.dimension_count": WIDTH // HEADS,
        "vocab_size": len(tokens),
    }
    fields = [
        field("general.architecture", STRING, text(architecture)),
        field("general.name", STRING, text("tiny")),
        field("general.alignment", UINT32, struct.pack("<I", ALIGNMENT)),
        *(field(f"{architecture}.{key}", UINT32, struct.pack("<I", value)) for key, value in numbers.items()),
        field(f"{architecture}.attention.layer_norm_rms_epsilon", FLOAT32, struct.pack("<f", 1e-5)),
        field("tokenizer.ggml.model", STRING, text("gpt2")),
        field("tokenizer.ggml.pre", STRING, text("gpt-2")),
        field("tokenizer.ggml.tokens", ARRAY, sequence(STRING, [text(token) for token in tokens])),
        field("tokenizer.ggml.token_type", ARRAY, sequence(INT32, [struct.pack("<i", kind) for kind in kinds])),
        field("tokenizer.ggml.merges", ARRAY, sequence(STRING, [text(merge) for merge in MERGES])),
        field("tokenizer.ggml.bos_token_id", UINT32, struct.pack("<I", tokens.index(END_OF_TEXT))),
        field("tokenizer.ggml.eos_token_id", UINT32, struct.pack("<I", tokens.index(END_OF_TURN))),
        field("tokenizer.ggml.add_bos_token", BOOL, struct.pack("<?", False)),  # noqa: FBT003 - struct has no keywords
    ]
    if chat_template is not None:
        fields.append(field("tokenizer.chat_template", STRING, text(chat_template)))
    return fields


Tensor = tuple[str, tuple[int, ...], list[float]]


def weights(tokens: list[str], chance: random.Random) -> list[Tensor]:
    """Draw the tensors: (name, shape with the fastest dimension first, values)."""
    key_value_width = WIDTH // HEADS * KEY_VALUE_HEADS
    embedding = drawn(chance, WIDTH * len(tokens), 0.5)
    output = drawn(chance, WIDTH * len(tokens), 0.25)
    for token, leaning in enumerate(map(leaning_of, tokens)):
        # The first dimension is the same for all tokens and large, so its output weight is a bias of the token.
        embedding[token * WIDTH] = 4.0
        output[token * WIDTH] = leaning
    tensors: list[Tensor] = [("token_embd.weight", (WIDTH, len(tokens)), embedding)]
    for layer in range(LAYERS):
        shapes = {
            "attn_q": (WIDTH, WIDTH),
            "attn_k": (WIDTH, key_value_width),
            "attn_v": (WIDTH, key_value_width),
            "attn_output": (WIDTH, WIDTH),
            "ffn_gate": (WIDTH, FEED_FORWARD),
            "ffn_up": (WIDTH, FEED_FORWARD),
            "ffn_down": (FEED_FORWARD, WIDTH),
        }
        tensors += [(f"blk.{layer}.{name}.weight", (WIDTH,), ones()) for name in ("attn_norm", "ffn_norm")]
        tensors += [
            (f"blk.{layer}.{name}.weight", shape, drawn(chance, shape[0] * shape[1], 0.1))
            for name, shape in shapes.items()
        ]
    return [*tensors, ("output_norm.weight", (WIDTH,), ones()), ("output.weight", (WIDTH, len(tokens)), output)]


def leaning_of(token: str) -> float:
    """How much likelier than chance a token is: whole ASCII characters yes, halves of others and controls no."""
    if token == END_OF_TURN:
        return 0.0
    if token in {END_OF_TEXT, START_OF_TURN}:
        return -8.0
    return 0.0 if all("!" <= character <= "~" or character == "Ġ" for character in token) else -4.0


def drawn(chance: random.Random, count: int, scale: float) -> list[float]:
    return [scale * (chance.random() * 2 - 1) for _ in range(count)]


def ones() -> list[float]:
    return [1.0] * WIDTH


def field(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def sequence(kind: int, items: list[bytes]) -> bytes:
    return struct.pack("<IQ", kind, len(items)) + b"".join(items)


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
