"""The embedded instruction editor as a diffusers pipeline: a bridge from the source picture to the edited one.

Where a text-to-image model starts from noise, this one starts from the source: x_t = (1 - t) target + t source.
The transformer sees x_t beside the source and predicts the velocity (source - target), so an untrained last
layer means "copy", and every step moves only what the instruction names.
"""

import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler, PRXTransformer2DModel
from diffusers.image_processor import VaeImageProcessor
from diffusers.pipelines.pipeline_utils import ImagePipelineOutput
from PIL import Image
from transformers import PreTrainedModel, PreTrainedTokenizerBase


class BridgeEditPipeline(DiffusionPipeline):
    """Edits pictures by instruction, in pixel space.

    Args:
        transformer: Takes (B, 6, H, W), the current picture and the source, and predicts (B, 6, H, W), of which
            the first three channels are the velocity.
        scheduler: Flow matching, without shift.
        text_encoder: Returns ``last_hidden_state`` of width ``transformer.config.context_in_dim``.
        tokenizer: Of the text encoder.
    """

    model_cpu_offload_seq = "text_encoder->transformer"

    def __init__(
        self,
        transformer: PRXTransformer2DModel,
        scheduler: FlowMatchEulerDiscreteScheduler,
        text_encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
    ) -> None:
        super().__init__()
        self.register_modules(
            transformer=transformer, scheduler=scheduler, text_encoder=text_encoder, tokenizer=tokenizer
        )
        self.image_processor = VaeImageProcessor(vae_scale_factor=transformer.config.patch_size)

    @torch.no_grad()
    def __call__(
        self,
        image: list[Image.Image] | Image.Image,
        prompt: list[str] | str,
        num_inference_steps: int = 4,
        output_type: str = "pil",
        return_dict: bool = True,
    ) -> ImagePipelineOutput | tuple[object]:
        """Apply one instruction to each picture. Deterministic: there is no noise to draw.

        Args:
            image: One picture a prompt, sides divisible by the patch size.
            prompt: One instruction a picture.
            num_inference_steps: Number of Euler steps from the source to the target, at least 1.
            output_type: ``pil``, ``np`` or ``pt``.
            return_dict: False returns a tuple.
        """
        prompts = [prompt] if isinstance(prompt, str) else prompt
        source = self.image_processor.preprocess(image).to(self.device, self.transformer.dtype)
        if len(source) != len(prompts):
            raise ValueError(f"{len(source)} pictures but {len(prompts)} instructions: one instruction a picture")
        batch = self.tokenizer(
            prompts, padding=True, max_length=self.tokenizer.model_max_length, truncation=True, return_tensors="pt"
        ).to(self.device)
        states = self.text_encoder(**{k: batch[k] for k in ("input_ids", "attention_mask")}).last_hidden_state
        current = source
        self.scheduler.set_timesteps(num_inference_steps, device=self.device)
        for t in self.scheduler.timesteps:
            velocity = self.transformer(
                torch.cat([current, source], dim=1),
                (t / self.scheduler.config.num_train_timesteps).expand(len(current)),
                states,
                batch["attention_mask"].bool(),
                return_dict=False,
            )[0][:, :3]
            current = self.scheduler.step(velocity, t, current, return_dict=False)[0]
        images = self.image_processor.postprocess(current.float(), output_type=output_type)
        return ImagePipelineOutput(images=images) if return_dict else (images,)
