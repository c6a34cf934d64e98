"""Test the precedence of settings, and the source that is reported."""

import pytest

from bai_kit.errors import UsageError
from bai_kit.settings import load_settings


@pytest.fixture
def home(tmp_path):
    (tmp_path / "bai-kit").mkdir()
    return {"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path / "bai-kit" / "config.toml"


def test_without_anything_the_defaults_hold(home):
    settings = load_settings({}, home[0])
    assert (settings.namespace, settings.release, settings.context) == ("dask-gateway", "bai", None)
    assert set(settings.sources.values()) == {"default"}


def test_an_option_goes_before_the_environment_before_the_file(home):
    environment, file = home
    file.write_text('namespace = "file"\nrelease = "file"\ntag = "file"\n')
    environment |= {"BAI_KIT_NAMESPACE": "environment", "BAI_KIT_RELEASE": "environment"}
    settings = load_settings({"namespace": "option", "release": None}, environment)
    assert (settings.namespace, settings.release, settings.tag) == ("option", "environment", "file")
    assert settings.sources["namespace"] == "option"
    assert settings.sources["release"] == "environment BAI_KIT_RELEASE"
    assert settings.sources["tag"] == f"file {file}"


def test_the_file_may_be_named(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('context = "minikube"\n')
    assert load_settings({}, {"BAI_KIT_CONFIG": str(file)}).context == "minikube"


@pytest.mark.parametrize(
    ("text", "message"),
    [("names = 'x'", "unknown setting 'names'"), ("tag = 1", "tag must be text"), ("tag = ", "cannot read")],
)
def test_a_bad_file_is_named_with_what_is_wrong(home, text, message):
    home[1].write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        load_settings({}, home[0])
    assert str(home[1]) in caught.value.message


def test_a_named_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        load_settings({}, {"BAI_KIT_CONFIG": str(tmp_path / "none.toml")})
