package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"sort"
	"strings"
)

// plain are strings that every reader of YAML takes for strings without quotes: no number, no truth value, no sign
// with a meaning of its own.
var plain = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./-]*$`)

// words look plain and are truth values or nothing for a reader of YAML 1.1.
var words = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null)$`)

// toYAML writes a value in block style, keys sorted, items of a list as far in as the key above them, without a final
// line end: the shape that Helm's own writer gives and the chart's indentation builds on.
func toYAML(value any) (string, error) {
	var lines []string
	if err := write(&lines, "", "", value); err != nil {
		return "", err
	}
	return strings.Join(lines, "\n"), nil
}

// write adds the lines of a value: the first after lead, the others after as many spaces as pad has.
func write(lines *[]string, lead, pad string, value any) error {
	of := reflect.ValueOf(value)
	if of.IsValid() && of.Kind() == reflect.Slice && of.Len() > 0 {
		return writeList(lines, lead, pad, of)
	}
	if mapping, isMapping := value.(map[string]any); isMapping && len(mapping) > 0 {
		return writeMapping(lines, lead, pad, mapping)
	}
	text, err := scalar(value)
	if err != nil {
		return err
	}
	*lines = append(*lines, lead+text)
	return nil
}

func writeList(lines *[]string, lead, pad string, items reflect.Value) error {
	for index := range items.Len() {
		if err := write(lines, lead+"- ", pad+"  ", items.Index(index).Interface()); err != nil {
			return err
		}
		lead = pad
	}
	return nil
}

func writeMapping(lines *[]string, lead, pad string, mapping map[string]any) error {
	names := make([]string, 0, len(mapping))
	for name := range mapping {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		key, err := scalar(name)
		if err != nil {
			return err
		}
		if err := writeEntry(lines, lead+key+":", pad, mapping[name]); err != nil {
			return err
		}
		lead = pad
	}
	return nil
}

func writeEntry(lines *[]string, start, pad string, value any) error {
	of := reflect.ValueOf(value)
	mapping, isMapping := value.(map[string]any)
	switch {
	case isMapping && len(mapping) > 0:
		*lines = append(*lines, start)
		return write(lines, pad+"  ", pad+"  ", value)
	case of.IsValid() && of.Kind() == reflect.Slice && of.Len() > 0:
		*lines = append(*lines, start)
		return write(lines, pad, pad, value)
	default:
		return write(lines, start+" ", pad, value)
	}
}

// scalar is JSON but for plain strings; JSON is YAML on a line of its own.
func scalar(value any) (string, error) {
	if text, isText := value.(string); isText && plain.MatchString(text) && !words.MatchString(text) {
		return text, nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("no YAML for %v: %w", value, err)
	}
	return string(text), nil
}
