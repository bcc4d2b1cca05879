"""What the name of a parameter tells: what is no weight matrix, and what only sounds so."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """Parameters that are no weight matrix though they can have the shape of one.

    Attributes
    ----------
    reason
        What they are.
    name
        A pattern that is searched in the name, in small letters.
    trained
        Whether they are weights of the network, which its training found.
    """

    reason: str
    name: re.Pattern[str]
    trained: bool = True


def _part(names: str) -> re.Pattern[str]:
    """Match names in which some part between dots is one of these."""
    return re.compile(rf"(?:^|\.)(?:{names})(?:\.|$)")


def _last(names: str) -> re.Pattern[str]:
    """Match names whose last part is one of these, but for ``.weight`` and such behind it."""
    return re.compile(rf"(?:^|\.)(?:{names})(?:\.(?:weight|kernel|gamma|scale))?$")


_TIMES = r"(?:time|timestep|step|t|noise|sigma|label|class|cond|add|guidance)"
_EMBED = r"emb(?:ed(?:d(?:ing|er)s?|s)?)?"

# Of embeddings it is the last part that counts: within a module of that name there are matrices,
# such as a patch projection's.
KINDS = (
    Kind(
        "an optimiser's array",
        re.compile(
            r"^optimi[sz]er(?:_weights|_states?)?\.|^opt(?:im)?_states?\."
            r"|(?:^|[._])(?:exp_avg(?:_sq)?|max_exp_avg(?:_sq)?|momentum_buffer|square_avg"
            r"|acc_delta|grad_avg)(?:\.|$)|\.(?:adam|momentum|rmsprop|adagrad|adadelta)(?:_\d+)?$"
        ),
        trained=False,
    ),
    Kind("a moving average of a weight", re.compile(r"\.exponentialmovingaverage$"), trained=False),
    Kind("a mask", re.compile(r"(?:^|[._])(?:\w*mask|tril|triu)$"), trained=False),
    Kind(
        "a scale or an offset of quantised weights",
        re.compile(
            r"(?:^|[._])(?:scales?(?:_inv)?|absmax|biases|q?zeros?|zero_points?|scales_and_zeros"
            r"|scb|quant_map|g_idx|perm)$"
        ),
        trained=False,
    ),
    Kind("a bias", re.compile(r"(?:^|[._])bias(?:$|[._])")),
    Kind(
        "a fixed table of positions or frequencies",
        _last(
            r"pe|pos_?enc\w*|positional_encoding|freqs?(?:_\w+)?|inv_freq|rope\w*|rotary\w*"
            r"|(?:cos|sin)(?:_\w+)?|\w+_(?:cos|sin)|alibi\w*|anchors?|anchor_grid|priors|grid"
        ),
        trained=False,
    ),
    Kind(
        "a fixed transform of signals",
        _part(
            r"i?stft(?:_(?:conv|basis|kernels?|\w*window))?|spectrogram_extractor|logmel_extractor"
            r"|melw|mel_(?:basis|filters|fb|filterbank)|fbank|filterbank|dct(?:_mat)?"
            r"|(?:forward|inverse)_basis(?:_buffer)?|(?:hann?_)?window|mel_scale|blur"
        ),
        trained=False,
    ),
    Kind(
        "a store of examples",
        _last(r"memory_(?:bank|queue)|\w*_?queue(?:_\w+)?|feature_bank"),
        trained=False,
    ),
    Kind(
        "an embedding",
        _last(
            r"[^.]*(?:embed|rel_pos)[^.]*(?:\.\d+)?|(?:[^.]*_)?(?:emb|embs|pos|positions?|tokens?)"
            r"(?:\.\d+)?|(?:wte|wpe)(?:\.\d+)?|\w*codebooks?|latents|(?:\w+_)?queries|shared"
        ),
    ),
    Kind("the scale of a norm", _last(r"[^.]*norm\d*|ln(?:_?[a-z0-9]+)?|bn\d*")),
    Kind("decay rates of a state space", _last(r"a_logs?")),
    Kind("a filter for each channel", _last(r"depthwise_kernel")),
)

# What sounds like an embedding: projections from, to and between embeddings.
_LAYERS = _last(
    rf"embed_out|(?:decoder|encoder)_embed|(?:\w*_)?patch_{_EMBED}"
    r"|(?:x|t|y|c|context|time|timestep|text|guidance|vector|img|txt|image|patch|pooled)_embedder"
    rf"|\w*{_EMBED}_?(?:proj\w*|hidden_mapping\w*|linear)|{_TIMES}_{_EMBED}\.\d+"
)


def known_kind(name: str, *, with_bias: bool = False) -> Kind | None:
    """Tell from its name what a parameter is, or None if it can be a weight matrix.

    Parameters
    ----------
    with_bias
        Whether the module has a bias for each output, as no embedding and no norm of several
        dimensions has.
    """
    name = plain(name).lower()
    for kind in KINDS:
        if not kind.name.search(name):
            continue
        if kind.reason in ("an embedding", "the scale of a norm") and (
            with_bias or _LAYERS.search(name)
        ):
            return None
        return kind
    return None


def plain(name: str) -> str:
    """Leave out what TensorFlow puts behind a name, the number of an operation's output."""
    return name.removesuffix(":0")


# Parts of names under which copies of a network stand in one state dict, and under which the
# network itself may stand beside them.
_COPIES = {
    "ema_model": ("", "model", "online_model"),
    "model_ema": ("", "model"),
    "ema": ("", "model", "online"),
    "swa_model": ("", "model"),
    "averaged_model": ("", "model"),
    "teacher": ("student", "", "model"),
    "momentum_encoder": ("base_encoder", "encoder"),
    "target_encoder": ("online_encoder", "context_encoder", "encoder"),
    "encoder_k": ("encoder_q",),
}


def originals(name: str) -> list[str]:
    """Return names of which a parameter, by its own name, would be a moving average.

    They are without dots, as one of the libraries that keep such copies writes them so.
    """
    parts = name.split(".")
    return [
        "".join([*parts[:k], original, *parts[k + 1 :]])
        for k, part in enumerate(parts)
        for original in _COPIES.get(part, ())
    ]


_PREFIXES = ("module.", "_orig_mod.", "model.")


def common_prefix(names: list[str]) -> str:
    """Return the prefix of wrappers that all names have: ``module.``, ``_orig_mod.``, ``model.``.

    It can be several, one behind the other.
    """
    prefix = ""
    while names and (
        more := next((p for p in _PREFIXES if all(n.startswith(prefix + p) for n in names)), "")
    ):
        prefix += more
    return prefix
