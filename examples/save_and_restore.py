"""Save a model as it is trained, keep seven checkpoints, restore the latest, restore under other names, inspect.

python examples/save_and_restore.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile

import noria.v1 as tf
from noria.v1.inspect_checkpoint import print_tensors_in_checkpoint_file


def model() -> tuple[tf.Variable, tf.Variable, tf.Operation]:
    """Weights, a step counter, and an operation that stands for a training step."""
    weights = tf.get_variable("dense/kernel", initializer=[[1.0, 2.0], [3.0, 4.0]])
    step = tf.train.get_or_create_global_step()
    train = tf.group(weights.assign_add([[0.5, 0.5], [0.5, 0.5]]), step.assign_add(1))
    return weights, step, train


def save(folder: str) -> None:
    """A hundred steps, a checkpoint at every tenth."""
    with tf.Graph().as_default(), tf.Session() as session:
        _, step, train = model()
        saver = tf.train.Saver(max_to_keep=7)
        session.run(tf.global_variables_initializer())
        for _ in range(100):
            session.run(train)
            if session.run(step) % 10 == 0:
                saver.save(session, f"{folder}/model.ckpt", global_step=step)
        print("kept:", ", ".join(path.rpartition("-")[2] for path in saver.last_checkpoints))


def restore_latest(folder: str) -> None:
    """Nothing needs to be initialised: the checkpoint has all values."""
    with tf.Graph().as_default(), tf.Session() as session:
        weights, step, _ = model()
        tf.train.Saver().restore(session, tf.train.latest_checkpoint(folder))
        print(f"restored at step {session.run(step)}:", session.run(weights).tolist())


def restore_by_name(folder: str) -> None:
    """A variable of another name takes the value that is stored as dense/kernel."""
    with tf.Graph().as_default(), tf.Session() as session:
        other = tf.get_variable("encoder/w", shape=[2, 2])
        tf.train.Saver({"dense/kernel": other}).restore(session, f"{folder}/model.ckpt-50")
        print("encoder/w from step 50:", session.run(other).tolist())


def main(folder: str) -> None:
    """All of it, in ``folder``."""
    save(folder)
    restore_latest(folder)
    restore_by_name(folder)
    for name, shape in tf.train.list_variables(folder):
        print(f"{name}: {shape}")
    print_tensors_in_checkpoint_file(f"{folder}/model.ckpt-100", tensor_name="dense/kernel", all_tensors=False)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
