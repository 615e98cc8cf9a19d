"""Model configs: text, flags and environment to values; what is refused, in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from noria.errors import InvalidArgumentError, NotFoundError
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import model_config
from noria.serving.lifecycle.model_config import ModelConfig
from noria.serving.lifecycle.policy import All, Latest, Specific


def parse(text: str) -> pb.ModelServerConfig:
    return model_config.parse(f"model_config_list {{ {text} }}".encode(), "models.config")


def test_a_full_config() -> None:
    config = parse(
        """
        config {
          name: "a" base_path: "/models/a" model_platform: "tensorflow"
          model_version_policy { specific { versions: 3 versions: 1 } }
          version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 3 }
          logging_config { sampling_config { sampling_rate: 0.5 } }
        }
        config { name: "b" base_path: "s3://bucket/b" model_type: TENSORFLOW model_version_policy { all {} } }
        config { name: "c" base_path: "/c" model_type: TENSORFLOW model_version_policy { latest { num_versions: 2 } } }
        config { name: "d" base_path: "/d" model_platform: "tensorflow" model_version_policy { latest {} } }
        config { name: "e" base_path: "/e" model_platform: "tensorflow" model_version_policy { specific {} } }
        """
    )
    model_config.check_list(config)
    found = model_config.models(config)
    logging = found["a"].logging
    assert logging is not None
    assert logging.sampling_config.sampling_rate == 0.5
    assert list(found) == ["a", "b", "c", "d", "e"]
    labels = {"stable": 1, "canary": 3}
    assert found["a"] == ModelConfig("a", "/models/a", Specific(frozenset({1, 3})), labels, logging)
    assert found["b"] == ModelConfig("b", "s3://bucket/b", All())
    assert [found[name].policy for name in "cde"] == [Latest(2), Latest(1), Specific(frozenset())]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('config { name: "m" base_path: "/a" } config { name: "m" base_path: "/b" }',
         "Illegal to list model m multiple times in config list"),
        ('config { name: "m" base_path: "a/b" }',
         "Expected model m to have an absolute path or URI; got base_path()=a/b"),
        ('config { name: "m" }', "Expected model m to have an absolute path or URI; got base_path()="),
    ],
)  # fmt: skip
def test_lists_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        model_config.check_list(parse(text))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("",
         "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform."),
        ('model_platform: "tensorflow" model_type: TENSORFLOW',
         "Illegal setting both ModelServerConfig::model_type (deprecated) and ModelServerConfig::model_platform."),
        ("model_type: OTHER", "ModelServerConfig::model_type choice 2 not supported."),
        ('model_platform: "pytorch"', "Model m requests unsupported platform pytorch"),
    ],
)  # fmt: skip
def test_platforms_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        model_config.models(parse(f'config {{ name: "m" base_path: "/m" {text} }}'))
    assert str(caught.value) == message


def test_a_platform_does_not_change() -> None:
    served = {"m": ModelConfig("m", "/m", Latest())}
    other = parse('config { name: "m" base_path: "/m" model_platform: "other" }')
    with pytest.raises(InvalidArgumentError) as caught:
        model_config.check_platforms(other, served)
    assert str(caught.value) == (
        "Illegal to change a model's platform. For model m platform was tensorflow and new platform requested is other"
    )
    model_config.check_platforms(other, {})


def test_text_that_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"models\.config is no ModelServerConfig in text form: 1:\d+ .*nam"):
        parse("config { nam: 1 }")
    with pytest.raises(InvalidArgumentError, match="is no ModelServerConfig"):
        model_config.parse(b"\xff\xfe", "x")
    with pytest.raises(NotFoundError, match=r"cannot read the model config file .*absent: No such file"):
        model_config.read(str(tmp_path / "absent"))


def only(config: pb.ModelServerConfig) -> tuple[str, str]:
    (model,) = config.model_config_list.config
    assert model.model_platform == "tensorflow"
    return model.name, model.base_path


def test_one_model_by_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MODEL_NAME", "other")
    monkeypatch.setenv("MODEL_BASE_PATH", "/elsewhere")
    assert only(model_config.initial(ServerConfig(model_base_path="/models/x"))) == ("default", "/models/x")
    assert only(model_config.initial(ServerConfig(model_name="x", model_base_path="s3://b/x"))) == ("x", "s3://b/x")
    monkeypatch.chdir(tmp_path)
    assert only(model_config.initial(ServerConfig(model_base_path="x"))) == ("default", str(tmp_path / "x"))


def test_one_model_by_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODEL_NAME", raising=False)
    monkeypatch.setenv("MODEL_BASE_PATH", "/models/")
    assert only(model_config.initial(ServerConfig(model_name="x"))) == ("x", "/models/x")
    monkeypatch.setenv("MODEL_NAME", "resnet")
    assert only(model_config.initial(ServerConfig())) == ("resnet", "/models/resnet")
    assert only(model_config.initial(ServerConfig(model_name="x"))) == ("x", "/models/x")


def test_no_model_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODEL_BASE_PATH", raising=False)
    with pytest.raises(InvalidArgumentError, match="give the model's directory: --model_base_path"):
        model_config.initial(ServerConfig())
    with pytest.raises(InvalidArgumentError, match="--model_name is empty"):
        model_config.initial(ServerConfig(model_name="", model_base_path="/models/x"))


def test_the_file_replaces_the_flags(tmp_path: Path) -> None:
    path = tmp_path / "models.config"
    path.write_text('model_config_list { config { name: "f" base_path: "/f" model_platform: "tensorflow" } }')
    config = ServerConfig(model_config_file=str(path), model_name="x", model_base_path="/x")
    assert only(model_config.initial(config)) == ("f", "/f")
