"""``tf.logging``: levels, form and counting."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import noria.v1 as tf
tf.logging.info("silent")
tf.logging.warn("warn %d", 3)
print(tf.logging.get_verbosity() == tf.logging.WARN)
tf.logging.set_verbosity(tf.logging.DEBUG)
tf.logging.debug("seen")
tf.logging.vlog(tf.logging.INFO, "vlog")
tf.logging.TaskLevelStatusMessage("status")
tf.logging.fatal("fatal")
for i in range(5):
    tf.logging.log_every_n(tf.logging.INFO, "every %d", 2, i)
    tf.logging.log_first_n(tf.logging.ERROR, "first %d", 1, i)
tf.logging.log_if(tf.logging.INFO, "not", False)
tf.logging.flush()
assert tf.get_logger().name == "tensorflow"
"""


def test_messages_and_levels() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert done.stderr.splitlines() == [
        "WARNING:tensorflow:warn 3",
        "DEBUG:tensorflow:seen",
        "INFO:tensorflow:vlog",
        "ERROR:tensorflow:status",
        "CRITICAL:tensorflow:fatal",
        "INFO:tensorflow:every 0",
        "ERROR:tensorflow:first 0",
        "INFO:tensorflow:every 2",
        "INFO:tensorflow:every 4",
    ]


def test_a_configured_root_logger_writes_instead() -> None:
    program = (
        "import logging\nlogging.basicConfig(format='mine %(message)s')\nimport noria.v1 as tf\ntf.logging.error('x')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "mine x\n"
