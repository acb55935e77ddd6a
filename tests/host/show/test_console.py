from ohmprop.host.show import console


def test_one_line_names_the_extra_where_loops_run_uncompiled(monkeypatch, capsys):
    for compiled, lines in ((True, 0), (False, 1)):
        monkeypatch.setattr(console, "COMPILED", compiled)
        console.note_uncompiled.cache_clear()
        for _ in range(2):
            console.note_uncompiled()
        said = capsys.readouterr().err
        assert said.count("\n") == lines and (compiled or "ohmprop[fast]" in said)
    console.note_uncompiled.cache_clear()
