"""Templates are filled in as those of Go are: the expected texts are those of the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.plugins.template.language import Template, TemplateError, compile_template
from resolver.plugins.template.language.values import Method, Struct


class Sample(Struct):
    kind: ClassVar[str] = "sample"
    fields: ClassVar[Mapping[str, Callable[[Any], Any] | Method]] = {
        "Name": lambda self: "ab-12.t.test.",
        "Type": lambda self: "TXT",
        "Match": lambda self: ["ab-12.", "ab", "12", ""],
        "Group": lambda self: {"1": "ab", "a": "ab", "b": "12"},
        "Meta": Method(lambda self, label: f"<{label}>", (str,)),
    }


def render(source: str) -> str:
    return compile_template(source, Sample).render(Sample())


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ .Name }} 60 {{ .Type }}", "ab-12.t.test. 60 TXT"),
        ("{{ .Group.a }} {{ .Group.zz }}|{{ index .Group `zz` }}|", "ab <no value>||"),
        ("{{ .Match }} {{ .Group }}", "[ab-12. ab 12 ] map[1:ab a:ab b:12]"),
        ("{{ len .Match }} {{ len .Name }} {{ len .Group }}", "4 13 3"),
        ("{{ range $i, $m := .Match }}{{ $i }}={{ $m }};{{ end }}", "0=ab-12.;1=ab;2=12;3=;"),
        ("{{ range 0 }}x{{ else }}none{{ end }}", "none"),
        ("{{ range 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}",
         "02"),
        ("{{ range $k, $v := .Group }}{{ $k }}:{{ $v }},{{ end }}", "1:ab,a:ab,b:12,"),
        ('{{ if eq .Type "A" }}a{{ else if eq .Type "MX" "TXT" }}b{{ else }}c{{ end }}', "b"),
        ("{{ with $x := index .Match 0 }}{{ $x }}{{ $.Name }}{{ end }}", "ab-12.ab-12.t.test."),
        ('{{ with "" }}x{{ else with .Group.b }}{{ . }}{{ end }}', "12"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ('{{ define "T" }}<{{ . }}>{{ end }}{{ template "T" .Type }}{{ template "T" }}', "<TXT><<no value>>"),
        ('{{ block "B" .Type }}[{{ . }}]{{ end }}', "[TXT]"),
        ('a {{- " b " -}} c {{/* comment */}}d{{- /* trim */ -}} e', "a b c de"),
        ('{{ "abc" | printf "%s-%s" "x" }} {{ .Match | len | printf "%03d" }}', "x-abc 004"),
        ('{{ slice "abcdef" 1 3 }} {{ slice .Match 0 1 }} {{ index "abc" 1 }}', "bc [ab-12.] 98"),
        ('{{ parseInt "ff" 16 8 }} {{ parseInt "0x1f" 0 64 }} {{ parseInt "017" 0 64 }}', "255 31 15"),
        ('{{ lt 1 2 }} {{ gt 1 2 }} {{ le 2 2 }} {{ ge 1 2 }} {{ lt "a" "b" }}', "true false true false true"),
        ('{{ not "" }} {{ or "" "x" }} {{ and "y" "" "z" }}|', "true x |"),
        ("{{ 1.0 }} {{ 1e3 }} {{ 0x10 }} {{ 'a' }} {{ 010 }} {{ 1.5e10 }} {{ 0.00001 }}",
         "1 1000 16 97 8 1.5e+10 1e-05"),
        ('{{ print 1 2 "a" 3 4 }} {{ println "a" 1 }}', "1 2a3 4 a 1\n"),
        ('{{ .Meta "x/y" }} {{ "z" | .Meta }}', "<x/y> <z>"),
        ("{{ html `<a&'b>` }} {{ urlquery `a b&c/d~e` }}", "&lt;a&amp;&#39;b&gt; a+b%26c%2Fd~e"),
        ("{{ `it's` | js }}", "it\\'s"),
        ('{{ "\\x41\\101\\u00e9\\t" }}', "AA\u00e9\t"),
    ],
)  # fmt: skip
def test_templates_are_filled_in(source: str, text: str) -> None:
    assert render(source) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('"%05d|%x|%X|%o|%b|%c|%q|%U" 42 255 255 8 5 65 65 0x1F600', "00042|ff|FF|10|101|A|'A'|U+1F600"),
        ('"%s|%10s|%-10s|%q|%x|% x|%v" "ab" "cd" "ef" "g" "hi" "jk" .Match',
         'ab|        cd|ef        |"g"|6869|6a 6b|[ab-12. ab 12 ]'),
        ('"%d %s %v" "x" 1 true', "%!d(string=x) %!s(int=1) true"),
        ('"%d"', "%!d(MISSING)"),
        ('"%d" 1 2', "1%!(EXTRA int=2)"),
        ('"%"', "%!(NOVERB)"),
        ('"%.2f %g %e %6.1f|" 3.14159 1e21 12345.678 2.5', "3.14 1e+21 1.234568e+04    2.5|"),
        ('"%-5d|%+d|% d|%#x|%x" 42 42 42 255 -255', "42   |+42| 42|0xff|-ff"),
        ('"%*d|%-*d|" 5 42 5 42', "   42|42   |"),
        ('"%08.3f|%+.1e" 3.14159 12345.0', "0003.142|+1.2e+04"),
        ('"%T %T %T %t" 1 "a" true true', "int string bool true"),
        ('"100%%"', "100%"),
        ('"%[2]s %[1]s" "a" "b"', "b a"),
    ],
)  # fmt: skip
def test_printf_writes_as_go_does(source: str, text: str) -> None:
    assert render(f"{{{{ printf {source} }}}}") == text


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ .Name 60", "not closed"),
        ("{{ if .Name }}", "if is not closed"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ nonsense .Name }}", "function 'nonsense' is not defined in {{ nonsense .Name }}"),
        ("{{ $x }}", "undefined variable \\$x"),
        ("{{ }}", "a value is missing"),
        ("{{ parseInt .Name }}", "parseInt takes 3 arguments, not 1"),
        ("{{ break }}", "break outside of range"),
        ('{{ template "none" }}', "not defined"),
        ("{{ (.Name }}", "parenthesis"),
        ('{{ "abc }}', "text is not closed"),
        ("{{ 1 .Name }}", "not a function"),
        ("{{ .Name | 5 }}", "cannot be given a value"),
        ("{{ 99999999999999999999 }}", "too large"),
        ("{{ " + "(" * 60 + "1" + ")" * 60 + " }}", "nested"),
        ("{{ if true }}" * 60, "nested"),
        ("x" * 20_000, "longer than"),
    ],
)
def test_mistakes_are_found_before_any_query_comes(source: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        compile_template(source, Sample)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ index .Match 9 }}", "at <index .Match 9>: index: index out of range: 9"),
        ("{{ parseInt .Name 16 8 }}", "invalid syntax"),
        ('{{ parseInt "256" 10 8 }}', "out of range"),
        ('{{ parseInt "-1" 10 8 }}', "invalid syntax"),
        ('{{ lt 1 "a" }}', "incompatible types"),
        ("{{ eq .Match .Match }}", "cannot be compared"),
        ("{{ .Name.Foo }}", "can't evaluate field Foo in type string"),
        ("{{ range .Nothing }}{{ end }}", "can't evaluate field Nothing in type sample"),
        ("{{ .Meta }}", "Meta takes 1 arguments, not 0"),
        ("{{ len 5 }}", "no length"),
        ("{{ range .Name }}{{ end }}", "can't iterate"),
        ("{{ range 100000 }}{{ end }}", "more than 10000 rounds"),
        ("{{ range 5000 }}{{ $.Name }}{{ $.Name }}{{ end }}", "longer than 70000"),
        ('{{ define "T" }}{{ template "T" }}{{ end }}{{ template "T" }}', "deep"),
        ('{{ printf "%99999d" 1 }}', "width"),
    ],
)
def test_what_can_only_fail_later_says_where(source: str, reason: str) -> None:
    template = compile_template(source, Sample)
    with pytest.raises(TemplateError, match=reason):
        template.render(Sample())


def test_a_field_that_does_not_exist_is_doubted_at_once() -> None:
    assert compile_template("{{ .Nope }}", Sample).doubts == ("sample has no field Nope: {{.Nope}}",)
    assert compile_template("{{ with .Group }}{{ .Nope }}{{ end }}", Sample).doubts == ()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ .Name }} 60 IN A 1.2.3", "{{.Name}} 60 IN A 1.2.3"),
        ("{{ range  $i, $c := .Match }}{{$i}}{{ end }}", "{{range $i, $c := .Match}}{{$i}}{{end}}"),
        ("{{ if eq (len .Match) 1 }}a{{ else }}b{{ end }}", "{{if eq (len .Match) 1}}a{{else}}b{{end}}"),
        ('{{ .Name | printf "%s" }}{{- /* c */ -}}', '{{.Name | printf "%s"}}'),
        ('{{ template  "T" . }}{{ define "T" }}{{ end }}', '{{template "T" .}}'),
    ],
)
def test_a_template_is_known_to_metrics_without_spaces(source: str, text: str) -> None:
    assert str(compile_template(source, Sample)) == text


@given(st.text(alphabet="{}.$|()\"`'-=: 0123456789abNameifrangeendwithelse", max_size=60))
def test_any_text_is_a_template_or_a_clear_mistake(source: str) -> None:
    try:
        template = compile_template("{{" + source + "}}", Sample)
    except TemplateError:
        return
    assert isinstance(template, Template)
    try:
        template.render(Sample())
    except TemplateError:
        pass
