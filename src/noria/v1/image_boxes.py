"""``tf.image``: files of images, boxes in images, patches."""

from __future__ import annotations

from typing import Any, Final

from noria.v1.apply_op import apply_op
from noria.v1.convert import convert
from noria.v1.dtypes import as_dtype
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.image_colours import convert_image_dtype
from noria.v1.op_functions import export_rows, renamed

# --- files -----------------------------------------------------------------------------------------------------------


@export("image.decode_image", "io.decode_image")
def decode_image(
    contents: Any,
    channels: int | None = None,
    dtype: Any = "uint8",
    name: str | None = None,
    expand_animations: bool = True,
) -> Any:
    """The image in a JPEG, PNG, GIF or BMP file; of a GIF all frames, or the first unless ``expand_animations``."""
    with name_scope(name, "decode_image"):
        wanted = as_dtype(dtype)
        read = wanted if wanted.name in ("float32", "uint8", "uint16") else as_dtype("uint16")
        found = apply_op(
            "DecodeImage", contents=contents, channels=channels or 0, expand_animations=expand_animations, dtype=read
        )
        if read != wanted:
            found = convert_image_dtype(found, wanted)
        if not expand_animations:
            found.set_shape([None, None, channels or None])
        return found


@export("image.encode_png", "io.encode_png")
def encode_png(image: Any, compression: int = -1, name: str | None = None) -> Any:
    """The bytes of a PNG file of an image, or of each of several; compression: -1 or 0 to 9."""
    return apply_op("EncodePng", name, image=convert(image), compression=compression)


@export("image.is_jpeg", "io.is_jpeg")
def is_jpeg(contents: Any, name: str | None = None) -> Any:
    """Whether the bytes begin as those of a JPEG file do."""
    with name_scope(name, "is_jpeg"):
        start = apply_op("Substr", input=contents, pos=0, len=3)
        return apply_op("Equal", name, x=start, y=b"\xff\xd8\xff")


# --- boxes: [y_min, x_min, y_max, x_max] -----------------------------------------------------------------------------


@export("image.sample_distorted_bounding_box")
def sample_distorted_bounding_box(
    image_size: Any,
    bounding_boxes: Any,
    seed: int | None = None,
    seed2: int | None = None,
    min_object_covered: Any = 0.1,
    aspect_ratio_range: Any = None,
    area_range: Any = None,
    max_attempts: int | None = None,
    use_image_if_no_bounding_boxes: bool | None = None,
    name: str | None = None,
) -> Any:
    """A random part of an image that holds enough of a box: begin and size for ``tf.slice``, and the part as a box."""
    with name_scope(name, "sample_distorted_bounding_box"):
        return apply_op(
            "SampleDistortedBoundingBoxV2",
            name,
            image_size=image_size,
            bounding_boxes=bounding_boxes,
            seed=seed,
            seed2=seed2,
            min_object_covered=min_object_covered,
            aspect_ratio_range=aspect_ratio_range,
            area_range=area_range,
            max_attempts=max_attempts,
            use_image_if_no_bounding_boxes=use_image_if_no_bounding_boxes,
        )


@export("image.draw_bounding_boxes")
def draw_bounding_boxes(images: Any, boxes: Any, name: str | None = None, colors: Any = None) -> Any:
    """Images with the outlines of boxes drawn on them, in turn in ``colors``."""
    if colors is None:
        return apply_op("DrawBoundingBoxes", name, images=images, boxes=boxes)
    return apply_op("DrawBoundingBoxesV2", name, images=images, boxes=boxes, colors=colors)


@export("image.crop_and_resize")
def crop_and_resize(
    image: Any,
    boxes: Any,
    box_ind: Any = None,
    crop_size: Any = None,
    method: str = "bilinear",
    extrapolation_value: float = 0,
    name: str | None = None,
    box_indices: Any = None,
) -> Any:
    """The parts of images that boxes (in fractions of their sizes) cut out, resized to ``crop_size``."""
    return apply_op(
        "CropAndResize",
        name,
        image=image,
        boxes=boxes,
        box_ind=renamed("box_indices", box_indices, "box_ind", box_ind),
        crop_size=crop_size,
        method=method,
        extrapolation_value=extrapolation_value,
    )


@export("image.non_max_suppression")
def non_max_suppression(
    boxes: Any,
    scores: Any,
    max_output_size: Any,
    iou_threshold: Any = 0.5,
    score_threshold: Any = float("-inf"),
    name: str | None = None,
) -> Any:
    """The indices of the boxes with the best scores that do not overlap a better one too much."""
    with name_scope(name, "non_max_suppression"):
        overlap, least = (
            convert(iou_threshold, None, "iou_threshold"),
            convert(score_threshold, None, "score_threshold"),
        )
        return apply_op(
            "NonMaxSuppressionV3",
            boxes=boxes,
            scores=scores,
            max_output_size=max_output_size,
            iou_threshold=overlap,
            score_threshold=least,
        )


@export("image.non_max_suppression_with_scores")
def non_max_suppression_with_scores(
    boxes: Any,
    scores: Any,
    max_output_size: Any,
    iou_threshold: Any = 0.5,
    score_threshold: Any = float("-inf"),
    soft_nms_sigma: Any = 0.0,
    name: str | None = None,
) -> tuple[Any, Any]:
    """As ``non_max_suppression``, with the scores, which overlapping boxes lower where ``soft_nms_sigma`` is not 0."""
    with name_scope(name, "non_max_suppression_with_scores"):
        overlap, least = (
            convert(iou_threshold, None, "iou_threshold"),
            convert(score_threshold, None, "score_threshold"),
        )
        indices, kept, _ = apply_op(
            "NonMaxSuppressionV5",
            boxes=boxes,
            scores=scores,
            max_output_size=max_output_size,
            iou_threshold=overlap,
            score_threshold=least,
            soft_nms_sigma=convert(soft_nms_sigma, None, "soft_nms_sigma"),
            pad_to_max_output_size=False,
        )
        return indices, kept


@export("image.non_max_suppression_overlaps")
def non_max_suppression_overlaps(
    overlaps: Any,
    scores: Any,
    max_output_size: Any,
    overlap_threshold: Any = 0.5,
    score_threshold: Any = float("-inf"),
    name: str | None = None,
) -> Any:
    """As ``non_max_suppression`` with the overlaps of all pairs given."""
    with name_scope(name, "non_max_suppression_overlaps"):
        return apply_op(
            "NonMaxSuppressionWithOverlaps",
            overlaps=overlaps,
            scores=scores,
            max_output_size=max_output_size,
            overlap_threshold=convert(overlap_threshold, None, "overlap_threshold"),
            score_threshold=score_threshold,
        )


@export("image.combined_non_max_suppression")
def combined_non_max_suppression(
    boxes: Any,
    scores: Any,
    max_output_size_per_class: Any,
    max_total_size: Any,
    iou_threshold: Any = 0.5,
    score_threshold: Any = float("-inf"),
    pad_per_class: bool = False,
    clip_boxes: bool = True,
    name: str | None = None,
) -> Any:
    """``non_max_suppression`` for each class of each image of a batch, the best of all classes kept."""
    with name_scope(name, "combined_non_max_suppression"):
        overlap = convert(iou_threshold, "float32", "iou_threshold")
        least = convert(score_threshold, "float32", "score_threshold")
        return apply_op(
            "CombinedNonMaxSuppression",
            boxes=boxes,
            scores=scores,
            max_output_size_per_class=max_output_size_per_class,
            max_total_size=convert(max_total_size),
            iou_threshold=overlap,
            score_threshold=least,
            pad_per_class=pad_per_class,
            clip_boxes=clip_boxes,
        )


@export("image.extract_image_patches")
def extract_image_patches(
    images: Any,
    ksizes: Any = None,
    strides: Any = None,
    rates: Any = None,
    padding: Any = None,
    name: str | None = None,
    sizes: Any = None,
) -> Any:
    """The patches of images, each laid out in the last dimension."""
    return apply_op(
        "ExtractImagePatches",
        name,
        images=images,
        ksizes=renamed("sizes", sizes, "ksizes", ksizes),
        strides=strides,
        rates=rates,
        padding=padding,
    )


export_constant("extract_image_patches", extract_image_patches)

_JPEG: Final = "channels? ratio? fancy_upscaling? try_recover_truncated? acceptable_fraction? dct_method?"
export_rows(f"""
image.decode_jpeg: DecodeJpeg contents {_JPEG}
image.decode_and_crop_jpeg: DecodeAndCropJpeg contents crop_window {_JPEG}
image.decode_png: DecodePng contents channels? dtype?
image.decode_gif: DecodeGif contents
image.decode_bmp: DecodeBmp contents channels?
image.extract_jpeg_shape: ExtractJpegShape contents output_type?
image.encode_jpeg: EncodeJpeg image format? quality? progressive? optimize_size? chroma_downsampling? density_unit? \
x_density? y_density? xmp_metadata?
image.rgb_to_hsv: RGBToHSV images
image.hsv_to_rgb: HSVToRGB images
image.extract_glimpse: ExtractGlimpse input size offsets centered? normalized? uniform_noise?
""")
