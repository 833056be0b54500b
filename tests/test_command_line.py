"""The command line as a person meets it: every command, and what it says when something is wrong."""

import json
import math

import pytest

import aliquot
from campaign.command_line import build_parser

HEADS = ("Result", "Advice", "Model")
COURSE = ["run", "course", "--budget", "8", "--seed", "1"]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path, monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def lines_of(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    "command", ["run", "ask", "look", "find", "check", "stop", "bench", "report", "export", "verify"]
)
def test_every_command_has_help_with_an_example(command, capsys):
    with pytest.raises(SystemExit) as end:
        build_parser("0").parse_args([command, "--help"])
    assert end.value.code == 0
    assert f"Example: aliquot {command}" in " ".join(capsys.readouterr().out.split())


def test_run_prints_a_line_per_experiment_and_the_report(tmp_path, capsys):
    assert aliquot.main([*COURSE, "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert sum("|  measured " in line for line in out.splitlines()) == 8
    assert "Report:" in out
    said = out.splitlines()
    result, advice, model = (next(line for line in said if line.startswith(f"{head}: ")) for head in HEADS)
    assert "measured only once: repeat it" in result or "may be announced" in result
    assert advice.startswith("Advice: Stop: all 8 experiments of the budget are used")
    assert "readings" in model
    assert (
        (tmp_path / "out" / "report.html").read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    )


def test_run_as_json_ends_with_the_result(tmp_path, capsys):
    assert aliquot.main([*COURSE, "--out", str(tmp_path / "out"), "--json"]) == 0
    *experiments, result = lines_of(capsys.readouterr().out)
    assert [e["experiment"] for e in experiments] == list(range(1, 9))
    assert result["result"] == "complete"
    assert result["advice"].startswith("Stop: ")
    assert result["headline"]
    assert result["model_health"]["light"] in ("grey", "green", "yellow", "red")
    assert result["announced"] is None or result["announced"]["readings"] > 1
    assert result["experiments"] == 8
    assert set(result["best_point"]) == {"x", "y"}
    assert all(math.isfinite(result[name]) for name in ("posterior_mean", "posterior_sd", "seconds"))


def test_the_same_seed_gives_the_same_points(tmp_path, capsys):
    told = []
    for name in ("one", "two"):
        assert aliquot.main([*COURSE, "--out", str(tmp_path / name), "--json"]) == 0
        told.append([line.get("point") for line in lines_of(capsys.readouterr().out)])
    assert told[0] == told[1]


def test_journal_commands(tmp_path, capsys):
    out = tmp_path / "out"
    assert aliquot.main([*COURSE, "--out", str(out)]) == 0
    assert aliquot.main(["verify", str(out)]) == 0
    assert aliquot.main(["export", str(out), "--out", str(tmp_path / "e.csv")]) == 0
    assert len((tmp_path / "e.csv").read_text(encoding="utf-8").splitlines()) == 9
    assert aliquot.main(["report", str(out), "--out", str(tmp_path / "r.html")]) == 0
    assert (tmp_path / "r.html").exists()
    assert aliquot.main(["verify", str(tmp_path / "nothing.sqlite")]) == 2
    assert "no journal" in capsys.readouterr().err


def test_ask_suggests_from_a_table(tmp_path, capsys):
    data = tmp_path / "data.csv"
    data.write_text("x,y,roughness\n1,1,20\n3,3,2\n4,4,9\n2,4,3\n0.5,2,40\n3.5,2.5,2.2\n")
    spec = aliquot.load_campaign("course")
    data.write_text(data.read_text().replace("roughness", spec.objective.name))
    assert aliquot.main(["ask", "course", str(data), "-n", "2", "--json"]) == 0
    first, second = lines_of(capsys.readouterr().out)
    assert first["point"] != second["point"]
    assert first["mean"] is not None
    assert first["reason"]


def test_a_broken_campaign_file_tells_all_mistakes_at_once(tmp_path, capsys):
    broken = tmp_path / "broken.toml"
    broken.write_text(
        'format = 1\nname = "x"\nmode = "automatc"\n'
        '[[parameters]]\nname = "x"\nkind = "continuous"\nlow = 5\nhigh = 0\n'
        '[objective]\nkind = "formula"\nname = "y"\ndirection = "minimise"\nformula = "x + zz"\n'
        "[strategy]\nbeta = -1\n[budgett]\nn = 3\n"
    )
    assert aliquot.main(["run", str(broken), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    for part in ("mode", "automatic", "low", "strategy.beta", "budgett"):
        assert part in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_an_unknown_campaign_is_named_with_the_nearest_one(capsys):
    assert aliquot.main(["run", "colur"]) == 2
    said = capsys.readouterr().err
    assert "colur" in said
    assert "colour" in said


def test_a_table_with_text_in_a_number_cell_names_row_and_column(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("p3ht,d1,d2,d6,d8,conductivity\n15,0,0,85,0,45.9\n16,0,25,oops,9,16.9\n")
    assert aliquot.main(["run", "replay_p3ht", "--replay", str(table)]) == 2
    said = capsys.readouterr().err
    assert "d6" in said
    assert "3" in said
    table.write_text("p3ht,d1,d2,d6,conductivity\n15,0,0,85,45.9\n")
    assert aliquot.main(["run", "replay_p3ht", "--replay", str(table)]) == 2
    assert "d8" in capsys.readouterr().err


def test_a_missing_device_is_named_with_what_was_tried(tmp_path, capsys):
    with aliquot.bench() as served:
        from hardware.rig_file import rig_to_toml

        rig = tmp_path / "rig.toml"
        rig.write_text(rig_to_toml(served.rig))
        ports = [served.rig.pumps["red"].port, served.rig.stage.port]
    assert aliquot.main(["run", "colour", "--rig", str(rig), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "red" in said
    assert all(port.removeprefix("socket://") in said for port in ports)


def test_a_script_finds_a_minimum_in_a_few_lines(tmp_path):
    x, y = aliquot.Continuous("x", 0, 5), aliquot.Continuous("y", 0, 5)
    result = aliquot.minimise(lambda x, y: (x - 1) ** 2 + (y - 2) ** 2, [x, y], budget=15, out=tmp_path / "out")
    assert len(result.experiments) == 15
    assert abs(result.best_point["x"] - 1) < 0.5
    assert abs(result.best_point["y"] - 2) < 0.5


def test_what_cannot_be_is_said_before_anything_starts(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        aliquot.main(["run", "course", "--seed", "-5"])
    assert end.value.code == 2
    assert "below 0" in capsys.readouterr().err
    x = aliquot.Continuous("x", 0, 5)
    with pytest.raises(ValueError, match="seed: expected 0 or more, got -5"):
        aliquot.minimise(lambda x: x, [x], seed=-5, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_ask_says_when_fewer_points_are_left_than_were_asked_for(tmp_path, capsys):
    campaign = tmp_path / "words.toml"
    campaign.write_text(
        'format = 1\nname = "words"\n[[parameters]]\nname = "base"\nkind = "categorical"\n'
        'choices = ["weak", "strong"]\n[objective]\nkind = "column"\nname = "yield"\n'
        'direction = "maximise"\ncolumn = "yield"\n'
    )
    (tmp_path / "data.csv").write_text("base,yield\nweak,10\n")
    assert aliquot.main(["ask", str(campaign), str(tmp_path / "data.csv"), "-n", "3", "--json"]) == 0
    told = capsys.readouterr()
    assert [line["point"] for line in lines_of(told.out)] == [{"base": "strong"}]
    assert "Only 1 of 3" in told.err


def test_the_aim_and_both_kinds_of_best_are_told(tmp_path, capsys):
    assert aliquot.main([*COURSE, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "minimising loss" in said
    assert "best single measurement" in said
    assert "measured once: unreplicated" in said or "readings; best" in said


def test_a_table_alone_says_which_way_it_is_read(tmp_path, capsys):
    table = tmp_path / "t.csv"
    rows = [f"{x},{y},{(x - 3) ** 2 + y}" for x in range(6) for y in range(4)]
    table.write_text("x,y,waste\n" + "\n".join(rows) + "\n")
    words = ["run", "--replay", str(table), "--budget", "12"]
    assert aliquot.main([*words, "--minimise", "--out", str(tmp_path / "down")]) == 0
    assert "minimising waste" in capsys.readouterr().out
    assert aliquot.main([*words, "--out", str(tmp_path / "up")]) == 0
    assert "maximising waste" in capsys.readouterr().out
    assert aliquot.main([*COURSE, "--minimise"]) == 2


def test_a_blend_that_misses_its_total_is_named(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("p3ht,d1,d2,d6,d8,conductivity\n20,20,20,20,20,5\n80,10,20,0,0,7\n")
    assert aliquot.main(["ask", "replay_p3ht", str(table)]) == 2
    assert "row 3: p3ht, d1, d2, d6, d8 sum to 110, not to 100" in capsys.readouterr().err
