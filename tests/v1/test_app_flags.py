"""``tf.flags`` and ``tf.app.run``, each in a process of its own as a program has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = '''"""Trains nothing."""
import noria.v1 as tf

flags = tf.app.flags
flags.DEFINE_string("name", "x", "its name")
flags.DEFINE_integer("k", 3, "how many", lower_bound=1)
flags.DEFINE_boolean("b", True, "whether")
flags.DEFINE_list("l", ["a"], "some")
flags.DEFINE_enum("kind", "one", ["one", "two"], "which")
tf.flags.DEFINE_float("rate", default_value=0.5, docstring="how fast")
FLAGS = tf.flags.FLAGS


def main(argv):
    print(argv[1:], FLAGS.name, FLAGS.k, FLAGS.b, FLAGS.l, FLAGS.kind, FLAGS.rate)
    FLAGS.k = 8
    print(FLAGS["k"].value, "name" in FLAGS, "other" in FLAGS, FLAGS.flag_values_dict()["k"])
    return 3


'''
RUN = PROGRAM + "tf.app.run()\n"


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = folder / "program.py"
    path.write_text(program)
    return subprocess.run([sys.executable, str(path), *arguments], capture_output=True, text=True, check=False)


def test_flags_of_every_form(tmp_path: Path) -> None:
    done = run(tmp_path, RUN, "--name=z", "--k", "7", "--nob", "-l=q,r", "--unknown=3", "rest", "--", "--k=1")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "['--unknown=3', 'rest', '--', '--k=1'] z 7 False ['q', 'r'] one 0.5",
        "8 True False 8",
    ]
    assert done.returncode == 3


def test_flagfile(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("--k=5\n# a comment\n--kind=two\n")
    done = run(tmp_path, RUN, f"--flagfile={tmp_path / 'more'}")
    assert done.stdout.startswith("[] x 5 True ['a'] two 0.5")


@pytest.mark.parametrize(("argument", "reason"), [("--k=0", "not a positive integer"), ("--kind=three", "one of")])
def test_a_wrong_value_is_one_sentence(tmp_path: Path, argument: str, reason: str) -> None:
    done = run(tmp_path, RUN, argument)
    assert done.returncode == 1
    assert done.stderr.startswith(f"FATAL Flags parsing error: flag {argument}: ")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_required_flags(tmp_path: Path) -> None:
    done = run(tmp_path, PROGRAM.replace('"x"', "None") + "flags.mark_flag_as_required('name')\ntf.app.run()\n")
    assert done.returncode == 1
    assert "--name must have a value other than None" in done.stderr


def test_help(tmp_path: Path) -> None:
    done = run(tmp_path, RUN, "--help")
    assert done.returncode == 1
    assert "Trains nothing." in done.stdout
    assert "--k: how many" in done.stdout
    assert "--[no]b: whether" in done.stdout


def test_reading_a_flag_parses(tmp_path: Path) -> None:
    done = run(tmp_path, PROGRAM + "print(FLAGS.k)\n", "--k=9", "--unknown")
    assert done.stdout == "9\n"


def test_a_flag_defined_twice_is_refused(tmp_path: Path) -> None:
    lines = (
        "try:\n    flags.DEFINE_string('k', '', '')\nexcept tf.flags.DuplicateFlagError as error:\n    print('twice')\n"
    )

    assert run(tmp_path, PROGRAM + lines).stdout == "twice\n"


def test_main_and_argv_may_be_given(tmp_path: Path) -> None:
    done = run(
        tmp_path, PROGRAM + "tf.app.run(main=lambda rest: print(rest, FLAGS.k), argv=['p', '--k=4', 'a'])\n", "b"
    )
    assert (done.stdout, done.returncode) == ("['p', 'a'] 4\n", 0)


def test_a_wrong_call_is_one_sentence(tmp_path: Path) -> None:
    lines = "def wrong(rest):\n    raise tf.app.UsageError('no such way', 4)\ntf.app.run(wrong)\n"
    done = run(tmp_path, PROGRAM + lines)
    assert (done.returncode, done.stderr.splitlines()[0]) == (4, "no such way")
