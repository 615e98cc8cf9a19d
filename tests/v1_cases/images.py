"""Images: turned, cropped, resized, recoloured, read and written."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case

PICTURE = (np.arange(4 * 5 * 3).reshape(4, 5, 3) * 4).astype(np.uint8)
SMALL = (np.arange(2 * 3 * 2 * 3).reshape(2, 3, 2, 3) / 40).astype(np.float32)


def given(tf: Any) -> Any:
    """A known image, a batch of an unknown size, and what to feed it."""
    batch = tf.placeholder(tf.float32, [None, 3, None, 3], "batch")
    return tf.constant(PICTURE, name="image"), batch, {batch: SMALL}


@case
def turned(tf: Any) -> Any:
    image, batch, feeds = given(tf)
    found = [tf.image.flip_left_right(image), tf.image.flip_up_down(batch), tf.image.transpose_image(image)]
    found += [tf.image.rot90(image), tf.image.rot90(batch, k=3, name="r"), tf.image.transpose(batch, name="t")]
    found += [tf.image.random_flip_left_right(image, seed=1), tf.image.random_flip_up_down(batch, seed=2)]
    return found, feeds


@case
def cropped(tf: Any) -> Any:
    image, batch, feeds = given(tf)
    found = [tf.image.central_crop(image, 0.5), tf.image.central_crop(batch, 0.5), tf.image.central_crop(image, 1.0)]
    found += [tf.image.crop_to_bounding_box(image, 1, 1, 2, 3), tf.image.pad_to_bounding_box(image, 1, 0, 6, 5)]
    found += [tf.image.resize_image_with_crop_or_pad(image, 6, 3), tf.image.resize_image_with_crop_or_pad(batch, 2, 4)]
    found += [
        tf.image.crop_to_bounding_box(batch, 0, 0, 1, tf.shape(batch)[2]),
        tf.image.random_crop(image, [2, 2, 3], 1),
    ]
    return found, feeds


@case(looser=("twice/ResizeBilinear",))
def resized(tf: Any) -> Any:
    image, batch, feeds = given(tf)
    r = tf.image
    found = [r.resize_images(image, [8, 10]), r.resize_images(batch, [6, 4], method=1), r.resize_images(image, [4, 5])]
    found += [
        r.resize_images(image, [2, 2], r.ResizeMethod.AREA),
        r.resize_bilinear(PICTURE[None], [2, 2], align_corners=True),
    ]
    found += [
        r.resize_nearest_neighbor(batch, [2, 2], name="nn"),
        r.resize_bicubic(batch, [4, 4]),
        r.resize_area(batch, [2, 2]),
    ]
    found += [r.resize_images(batch, [4, 8], preserve_aspect_ratio=True), r.resize_image_with_pad(image, 8, 8)]
    return [*found, r.resize(batch, tf.shape(batch)[1:3] * 2, name="twice")], feeds


_KNOWN_BETTER = ["rgb_to_grayscale_1/Tensordot/Reshape", "Tensordot/Reshape"]
_KNOWN_BETTER += [f"Tensordot_{i}/Reshape" for i in (1, 2, 3)]


@case(looser=tuple(_KNOWN_BETTER))
def coloured(tf: Any) -> Any:
    image, batch, feeds = given(tf)
    r = tf.image
    found = [r.convert_image_dtype(image, tf.float32), r.convert_image_dtype(batch, tf.uint8, saturate=True)]
    found += [
        r.convert_image_dtype(image, tf.uint16),
        r.convert_image_dtype(image, tf.uint8),
        r.rgb_to_grayscale(image),
    ]
    found += [r.convert_image_dtype(image, tf.int8, saturate=True, name="signed"), r.adjust_brightness(image, 0.1)]
    found += [r.adjust_brightness(batch, -0.1), r.adjust_contrast(batch, 2.0), r.adjust_gamma(batch, 2.0, gain=0.5)]
    found += [r.adjust_hue(image, 0.2), r.adjust_saturation(batch, 0.5), r.per_image_standardization(image)]
    found += [r.grayscale_to_rgb(r.rgb_to_grayscale(batch)), r.per_image_standardization(batch), r.rgb_to_hsv(batch)]
    return [
        *found,
        r.hsv_to_rgb(batch),
        r.rgb_to_yuv(batch),
        r.yuv_to_rgb(batch),
        r.rgb_to_yiq(batch),
        r.yiq_to_rgb(batch),
    ], feeds


@case
def at_random(tf: Any) -> Any:
    _, batch, feeds = given(tf)
    r = tf.image
    found = [r.random_brightness(batch, 0.2, seed=1), r.random_contrast(batch, 0.5, 1.5, seed=2)]
    return [*found, r.random_saturation(batch, 0.5, 1.5, seed=3), r.random_hue(batch, 0.1, seed=4)], feeds


@case(looser=("ExtractImagePatches",))
def measured(tf: Any) -> Any:
    image, batch, feeds = given(tf)
    patches = tf.image.extract_image_patches(batch, [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID")
    found = [tf.image.total_variation(batch), tf.image.image_gradients(batch)]
    return [*found, tf.image.total_variation(tf.cast(image, tf.float32)), patches], feeds


@case(graph=False)  # depthwise_conv2d leaves out a constant that TensorFlow does not use
def edges(tf: Any) -> Any:
    _, batch, feeds = given(tf)
    return tf.image.sobel_edges(batch), feeds


@case
def files(tf: Any) -> Any:
    image, _, _ = given(tf)
    png = tf.image.encode_png(image)
    found = [tf.image.decode_png(png, channels=3), tf.image.decode_image(png), tf.image.is_jpeg(png)]
    found += [tf.image.decode_image(png, channels=1, dtype=tf.float32, expand_animations=False, name="grey")]
    return found


@case(values=False, looser=("DecodeAndCropJpeg",))
def other_files(tf: Any) -> Any:
    image, _, _ = given(tf)
    content = tf.placeholder(tf.string, [], "content")
    r = tf.image
    found = [r.decode_jpeg(content), r.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE", name="j")]
    found += [
        r.decode_gif(content),
        r.decode_bmp(content),
        r.extract_jpeg_shape(content),
        r.encode_jpeg(image, quality=80),
    ]
    return [
        *found,
        r.decode_and_crop_jpeg(content, [0, 0, 2, 2]),
        r.adjust_jpeg_quality(image, 50),
        r.random_jpeg_quality(image, 10, 90),
    ]


@case
def boxes(tf: Any) -> Any:
    _, batch, feeds = given(tf)
    corners = tf.constant([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.9, 1.0], [0.5, 0.5, 1.0, 1.0]], name="corners")
    scores = tf.constant([0.5, 0.9, 0.3], name="scores")
    found = [
        tf.image.non_max_suppression(corners, scores, 2),
        tf.image.draw_bounding_boxes(batch, [[[0.1, 0.1, 0.8, 0.9]]] * 2),
    ]
    found += [
        tf.image.crop_and_resize(batch, corners, [0, 1, 0], [2, 2]),
        tf.image.crop_and_resize(batch, corners, box_indices=[0, 0, 0], crop_size=[1, 1], name="c"),
    ]
    found += [tf.image.non_max_suppression_with_scores(corners, scores, 3, 0.5, soft_nms_sigma=0.5)]
    found += [tf.image.non_max_suppression_overlaps([[1.0, 0.9], [0.9, 1.0]], [0.5, 0.9], 2)]
    return found, feeds


_NO_RULE = ("sample_distorted_bounding_box/SampleDistortedBoundingBoxV2", "ExtractGlimpse")


@case(values=False, looser=_NO_RULE)
def sampled_boxes(tf: Any) -> Any:
    _, batch, _ = given(tf)
    sampled = tf.image.sample_distorted_bounding_box(
        [4, 5, 3], [[[0.0, 0.0, 1.0, 1.0]]], seed=1, min_object_covered=0.5
    )
    combined = tf.image.combined_non_max_suppression(tf.ones([1, 2, 1, 4]), tf.ones([1, 2, 1]), 2, 2)
    return [sampled, combined, tf.image.extract_glimpse(batch, [2, 2], [[0.0, 0.0], [0.1, 0.1]])]
