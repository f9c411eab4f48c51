"""The word-level tokenizer of the bundled task, saved in the ordinary Hugging Face form."""

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from arts.testbed.students import MAX_NUMBER

PAD, BOS, EOS, UNKNOWN = "<pad>", "<bos>", "<eos>", "<unk>"
WORDS = ("solve", "add", "div", "mul", "neg", " x =", " mod", "\n")


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Tokens are words with the blank before them, so that decoding is concatenation and gives the text back.

    A line such as ``add 7 x = 41`` and its newline is exactly five tokens.
    """
    tokens = [PAD, BOS, EOS, UNKNOWN, *WORDS, *(f" {n}" for n in range(MAX_NUMBER + 1))]
    tokenizer = Tokenizer(models.WordLevel({t: i for i, t in enumerate(tokens)}, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r" x =| ?[^\s]+|\n| "), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokens.index(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=BOS, eos_token=EOS, unk_token=UNKNOWN
    )
