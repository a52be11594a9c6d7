// Command render fills the templates of a Helm chart the way Helm does, with Go's own template engine and nothing
// besides the standard library. It reads one JSON object and writes one:
//
//	{"templates": {path: text}, "files": {path: text}, "values": {...}, "release": {...}, "chart": {...},
//	 "capabilities": {...}}
//	{path: text}
//
// A template that cannot be filled ends it with status 1 and the reason on standard error.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"sort"
	"strings"
	"text/template"
)

type request struct {
	Templates    map[string]string `json:"templates"`
	Files        files             `json:"files"`
	Values       map[string]any    `json:"values"`
	Release      map[string]any    `json:"release"`
	Chart        map[string]any    `json:"chart"`
	Capabilities map[string]any    `json:"capabilities"`
}

// files is what templates see as .Files.
type files map[string]string

// Get is the text of a file of the chart, empty for one that does not exist, as in Helm.
func (f files) Get(name string) string { return f[name] }

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var asked request
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return fmt.Errorf("the request is no JSON object: %w", err)
	}
	filled, err := fill(asked)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(filled)
}

// fill executes every template but the partial ones, whose names start with an underscore.
func fill(asked request) (map[string]string, error) {
	root := template.New("chart").Option("missingkey=zero")
	root.Funcs(functions()).Funcs(template.FuncMap{"include": including(root)})
	names := make([]string, 0, len(asked.Templates))
	for name := range asked.Templates {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if _, err := root.New(name).Parse(asked.Templates[name]); err != nil {
			return nil, err
		}
	}
	filled := map[string]string{}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		text, err := execute(root, name, map[string]any{
			"Values":       asked.Values,
			"Release":      asked.Release,
			"Chart":        asked.Chart,
			"Capabilities": asked.Capabilities,
			"Files":        asked.Files,
			"Template":     map[string]any{"Name": name, "BasePath": path.Dir(name)},
		})
		if err != nil {
			return nil, err
		}
		filled[name] = text
	}
	return filled, nil
}

// execute fills one template. Helm, too, takes out what Go writes for values that are missing.
func execute(root *template.Template, name string, data any) (string, error) {
	var text strings.Builder
	if err := root.ExecuteTemplate(&text, name, data); err != nil {
		return "", err
	}
	return strings.ReplaceAll(text.String(), "<no value>", ""), nil
}

// including is the function include, which may nest as deep as a chart reasonably does.
func including(root *template.Template) func(string, any) (string, error) {
	depth := 0
	return func(name string, data any) (string, error) {
		if depth >= 100 {
			return "", fmt.Errorf("%s: templates include each other without end", name)
		}
		depth++
		defer func() { depth-- }()
		return execute(root, name, data)
	}
}
