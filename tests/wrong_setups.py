"""Set-ups that cannot work, one a line, and what is said of each before any work: the table of refusals.

Each starts from small models that work, of which one thing is changed.
"""

from dataclasses import dataclass
from math import nan

from tests.setup_changes import (
    WEIGHTS,
    Change,
    all_of,
    cut,
    edited,
    first_module_alone,
    image_model,
    lora,
    lost,
    made,
    no_pictures_in_the_pool,
    nothing_in_the_pool,
    other_vlm,
    processor_of,
    replaced,
    resnet,
    set_to,
    sharded,
    siglip,
    weights_of,
    written,
)


@dataclass(frozen=True)
class Wrong:
    """One set-up."""

    name: str
    change: Change
    said: str
    """Regular expression of what is said."""


TEMPLATE, PROCESSOR, GENERATION = "vlm/chat_template.jinja", "vlm/processor_config.json", "vlm/generation_config.json"
INDEX, UNET = "painter/model_index.json", "painter/unet/diffusion_pytorch_model.safetensors"
OWN = ("sentence_transformers.base.modules.normalize.Normalize", "own.Own")
SHORT = {"max_position_embeddings": 128}
SMALL_CROP = {"height": 5, "width": 5}

VLM = (
    Wrong("vlm-folder-missing", set_to("models.vlm.path=./nothing"), "There is no folder ./nothing"),
    Wrong("vlm-is-pipeline", set_to("models.vlm.path={folder}/painter"), "models.vlm.path .* has model_index.json"),
    Wrong("vlm-config-missing", lost("vlm/config.json"), "saved with its config.json"),
    Wrong("vlm-config-cut", cut("vlm/config.json", 60), "config.json of .* cannot be read"),
    Wrong("vlm-reads-no-pictures", edited("vlm/config.json", model_type="qwen2"), "type 'qwen2'.* no known family"),
    Wrong("vlm-tokenizer-missing", lost("vlm/tokenizer.json"), "models.vlm.path .* has no tokenizer.json or"),
    Wrong("vlm-tokenizer-cut", cut("vlm/tokenizer.json", 500), "tokenizer.json of .* is no JSON"),
    Wrong("vlm-tokenizer-empty", written("vlm/tokenizer.json", "{}"), "The processor of .* cannot be loaded"),
    Wrong("vlm-processor-missing", lost(PROCESSOR), "has no preprocessor_config.json or processor_config.json"),
    Wrong("vlm-processor-numbers", edited(PROCESSOR, image_processor={"merge_size": 1}), "image tokens in a prompt"),
    Wrong("vlm-processor-of-another-family", processor_of("internvl"), "processor"),
    Wrong("vlm-template-missing", lost(TEMPLATE), "chat template .* does not have a chat template"),
    Wrong("vlm-template-without-picture", replaced(TEMPLATE, "<|image_pad|>", ""), "refuses prompts with pictures"),
    Wrong("vlm-template-broken", written(TEMPLATE, "{% for x in %}"), "chat template .* fails: Expected an expression"),
    Wrong("vlm-image-token-missing", replaced("vlm/tokenizer.json", "<|image_pad|>", "<|other|>"), "0 image tokens"),
    Wrong("vlm-image-token-other", edited("vlm/config.json", image_token_id=7), "0 image tokens"),
    Wrong("vlm-weights-missing", lost(f"vlm/{WEIGHTS}"), r"models.vlm.path is .* has no model\.safetensors"),
    Wrong("vlm-weights-cut", cut(f"vlm/{WEIGHTS}", -1000), "391,536 bytes, but its header says 392,536"),
    Wrong("vlm-weights-header-cut", cut(f"vlm/{WEIGHTS}", 100), "100 bytes and is cut off in its header"),
    Wrong("vlm-weights-empty", cut(f"vlm/{WEIGHTS}", 0), "0 bytes and is cut off"),
    Wrong("vlm-weights-no-header", written(f"vlm/{WEIGHTS}", "\2" + "\0" * 7 + "[]"), "no header of safetensors"),
    Wrong("vlm-shard-missing", sharded(f"vlm/{WEIGHTS}", "model-2.safetensors"), r"has no model-2\.safetensors"),
    Wrong("vlm-weights-pickled", written("vlm/pytorch_model.pt", "x"), "is a pickle"),
    Wrong("vlm-generation-malformed", written(GENERATION, "{"), "generation_config.json of .* is no JSON"),
    Wrong("vlm-generation-list", written(GENERATION, "[]"), "generation_config.json of .* holds a list"),
    Wrong("vlm-end-no-number", edited(GENERATION, eos_token_id="end"), "eos_token_id of .* is 'end'"),
    Wrong("vlm-end-unknown", edited(GENERATION, eos_token_id=[1, 9999]), r"is \[1, 9999\].* from 0 to 339"),
    Wrong("vlm-never-ends", edited(GENERATION, eos_token_id=None), "eos_token_id of .* no reply would end"),
    Wrong("vlm-no-padding", edited("vlm/tokenizer_config.json", pad_token=None), "not have a padding token"),
    Wrong(
        "vlm-context-short",
        edited("vlm/config.json", text_config=SHORT),
        "16 of 1 pictures.* 40 of the.* 128 positions",
    ),
    Wrong("vlm-replies-long", set_to("synthesis.max_new_tokens=900"), "'caption' takes up to .* 900 of the reply"),
    Wrong("vlm-limits-crossed", set_to("models.vlm.min_pixels=5000", "models.vlm.max_pixels=4000"), "is 5,000, but"),
    Wrong("vlm-max-below-a-token", set_to("models.vlm.max_pixels=255"), "at least 256 in max_pixels"),
    Wrong("vlm-min-above-folders", set_to("models.vlm.min_pixels=99999"), "no more in min_pixels"),
    Wrong("vlm-limits-gemma", other_vlm("gemma3", set_to("models.vlm.max_pixels=9999")), "Gemma3 has no limits"),
    Wrong("vlm-limits-internvl", other_vlm("internvl", set_to("models.vlm.max_pixels=999")), "as crops of 1,024"),
    Wrong("vlm-device-missing", set_to("models.vlm.device=cuda"), "models.vlm.device is 'cuda'.* sees none"),
    Wrong("vlm-attention", set_to("models.vlm.attention=flash_attention_2"), "needs attention masks that flash"),
    Wrong("lora-hits-nothing", set_to("training.lora.target_modules='.*wrong'"), "matches no module"),
    Wrong("lora-hits-the-tower", set_to("training.lora.target_modules='.*visual.*qkv'"), "in the vision tower"),
    Wrong("launcher-unknown", set_to("training.launcher=['nothing-launches']"), "which is no command here"),
    Wrong("vllm-missing", set_to("models.vlm.serving.engine=vllm"), "package vllm is not installed for"),
    Wrong("endpoint-no-addresses", set_to("models.vlm.serving.engine=endpoint"), "VIPER_VLM_ENDPOINTS is empty"),
    Wrong("endpoint-full", set_to("models.vlm.serving.engine=endpoint", "training.method=full"), "take adapters, not"),
    Wrong("endpoint-unknown", set_to("models.vlm.serving.engine=openai"), '"transformers" or "vllm" or "endpoint"'),
    Wrong("rollouts-no-servers", set_to("training.rollouts.engine=endpoint"), "models.vlm.serving names no servers"),
    Wrong("micro-batch-uneven", set_to("training.stages.csr.micro_batch=3"), "does not divide the 8 rollouts"),
)
PIPELINES = (
    Wrong("painter-folder-missing", set_to("models.painter.path=./nothing"), "There is no folder ./nothing"),
    Wrong("painter-is-vlm", set_to("models.painter.path={folder}/vlm"), "models.painter.path .* has config.json"),
    Wrong("painter-is-editor", set_to("models.painter.path={folder}/editor"), "which is no painter"),
    Wrong("editor-is-painter", set_to("models.editor.path={folder}/painter"), "which is no editor"),
    Wrong("painter-unknown", edited(INDEX, _class_name="OwnPipeline"), "nobody told how to call"),
    Wrong("painter-scheduler-missing", lost("painter/scheduler/scheduler_config.json"), "has no scheduler/scheduler_"),
    Wrong(
        "painter-scheduler-unnamed",
        edited(INDEX, scheduler=None),
        "no component 'scheduler', which Stable Diffusion or",
    ),
    Wrong("painter-scheduler-null", edited(INDEX, scheduler=[None, None]), "no component 'scheduler'"),
    Wrong("painter-encoder-missing", lost("painter/text_encoder"), "has no text_encoder/config.json"),
    Wrong("painter-encoder-weights", lost(f"painter/text_encoder/{WEIGHTS}"), "has no text_encoder/model.safetensors"),
    Wrong(
        "painter-encoder-short",
        edited("painter/text_encoder/config.json", max_position_embeddings=32),
        "has 32 positions .* gives it 77",
    ),
    Wrong("painter-tokenizer-missing", lost("painter/tokenizer"), "has no tokenizer/tokenizer.json or"),
    Wrong(
        "painter-tokenizer-cut", cut("painter/tokenizer/tokenizer.json", 99), "tokenizer/tokenizer.json of .* no JSON"
    ),
    Wrong(
        "painter-vae-weights-missing", lost("painter/vae/diffusion_pytorch_model.safetensors"), "has no vae/diffusion_"
    ),
    Wrong("painter-unet-weights-cut", cut(UNET, -9), "289,999 bytes, but its header says 290,008"),
    Wrong("painter-code-of-its-own", edited(INDEX, unet=["own", "Own"]), "The unet of .* is of 'own', which is code"),
    Wrong("painter-side", set_to("models.painter.side_px=36"), "multiples of 8 only. Set it to 32"),
    Wrong("editor-side", set_to("models.editor.side_px=36"), "multiples of 8 only. Set it to 32"),
    Wrong("painter-scheduler-entry", set_to("models.painter.scheduler={nothing=1}"), "DDIMScheduler, has no 'nothing'"),
    Wrong("painter-lora-missing", all_of(made("loras"), lora("a.safetensors")), "There is no file 'a.safetensors'"),
    Wrong(
        "painter-lora-cut", all_of(made("loras"), written("loras/a.safetensors", "x"), lora("a.safetensors")), "cut off"
    ),
    Wrong("painter-cache", set_to("models.painter.cache_threshold=0.1"), "cannot skip steps"),
    Wrong("painter-quantized", set_to("models.painter.quantization=torchao-int8"), "package torchao|no component"),
    Wrong("painter-offload-cpu", set_to("models.painter.offload=true"), 'offload is on, but device is "cpu"'),
    Wrong("painter-unet-of-an-editor", edited("painter/unet/config.json", in_channels=8), "as painter it needs 4"),
    Wrong("editor-unet-of-a-painter", edited("editor/unet/config.json", in_channels=4), "as editor it needs 8"),
)
OTHERS = (
    Wrong("judge-missing", set_to("judge.path=./nothing"), "There is no folder ./nothing"),
    Wrong("judge-is-pipeline", set_to("judge.path={folder}/painter"), "judge.path .* has model_index.json"),
    Wrong("judge-sees-nothing", set_to("judge.path={folder}/similarity"), "judge.path .* has no preprocessor_config"),
    Wrong("judge-processor-missing", lost("features/preprocessor_config.json"), "judge.path .* has no preprocessor_"),
    Wrong("judge-crop-small", edited("features/preprocessor_config.json", crop_size=SMALL_CROP), "finds no features"),
    Wrong("judge-other-size", image_model(siglip), "finds no features in pictures"),
    Wrong("judge-gives-maps", image_model(resnet), "resnet has no patches of one side"),
    Wrong("judge-weights-missing", lost(f"features/{WEIGHTS}"), r"judge.path is .* has no model\.safetensors"),
    Wrong("judge-unknown", edited("features/config.json", model_type="nothing"), "finds no features in pictures"),
    Wrong("similarity-missing", set_to("models.similarity.path=./nothing"), "There is no folder ./nothing"),
    Wrong("similarity-no-encoder", set_to("models.similarity.path={folder}/features"), "has no modules.json"),
    Wrong("similarity-no-modules", written("similarity/modules.json", "[]"), "names no modules"),
    Wrong("similarity-only-tokens", first_module_alone, "makes no embedding of a sentence"),
    Wrong("similarity-without-pooling", lost("similarity/1_Pooling"), "cannot be loaded as a Sentence.*Pooling"),
    Wrong("similarity-code", replaced("similarity/modules.json", *OWN), "own.Own. Expected those of sentence_trans"),
    Wrong("similarity-weights-missing", lost(f"similarity/{WEIGHTS}"), "no file named model.safetensors"),
    Wrong("similarity-tokenizer-missing", lost("similarity/tokenizer.json"), "cannot be loaded as a SentenceTransfor"),
    Wrong("similarity-nan", weights_of(nan), "not all numbers are finite"),
    Wrong("similarity-tells-nothing", weights_of(0.0), "Expected a SentenceTransformer that tells sentences apart"),
    Wrong("pool-missing", set_to("pool.uri={folder}/nothing"), "There is no folder .* for the pool"),
    Wrong("pool-empty", nothing_in_the_pool, "There are no images in"),
    Wrong("pool-broken", no_pictures_in_the_pool, "16 of 16 images of .* are unusable"),
    Wrong("suite-file-missing", lost("suites/MMStar.tsv"), "has no files of MMStar"),
    Wrong("suite-empty", written("suites/MMStar.tsv", ""), "MMStar.tsv lacks the columns .* Found: nothing"),
    Wrong("suite-malformed", written("suites/MMStar.tsv", "index\tquestion\n1\twhat?\n"), "lacks the columns image"),
    Wrong("suite-unknown", set_to("benchmarks.suites=['MMSta']"), "Did you mean 'MMStar'"),
    Wrong("writer-rules", set_to("synthesis.writer=rules"), "the world 'photographs' has none"),
    Wrong("too-many-samples", set_to("filter.min_samples=999"), "has at most 12 samples"),
)
WRONG = (*VLM, *PIPELINES, *OTHERS)
