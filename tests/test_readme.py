"""What the README shows is what works."""

import re
from pathlib import Path

from campaign.config import parse_campaign

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_campaign_file_is_one():
    text, _ = blocks("toml")
    assert [p.name for p in parse_campaign(text, "README.md").space.parameters] == ["red", "blue", "water"]


def test_so_is_what_limits_a_space():
    _, limits = blocks("toml")
    numbers = "".join(
        f'[[parameters]]\nname = "{name}"\nkind = "continuous"\nlow = 0\nhigh = 100\n'
        for name in ("acid", "salt", "T")
    )
    objective = '[objective]\nkind = "typed"\nname = "yield"\ndirection = "maximise"\n'
    space = parse_campaign(f'format = 1\nname = "limits"\n{numbers}{limits}{objective}', "README.md").space
    assert space.names == ("acid", "salt", "T", "solvent")
    assert not space.contains({"acid": 50.0, "salt": 50.0, "T": 20.0, "solvent": "water"})
    assert not space.contains({"acid": 10.0, "salt": 10.0, "T": 90.0, "solvent": "DMF"})
    assert space.contains({"acid": 10.0, "salt": 10.0, "T": 90.0, "solvent": "toluene"})


def test_the_script_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    for name in ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    (text,) = blocks("python")
    exec(compile(text, "README.md", "exec"), {})  # noqa: S102  # our own page
    assert "every step is in" in capsys.readouterr().out


def test_its_pictures_and_pages_are_there():
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (Path(__file__).resolve().parent.parent / link).exists(), link


def test_nothing_was_left_to_fill_in():
    assert not re.search(r"^[A-Z]{5,}$", README, re.MULTILINE)
