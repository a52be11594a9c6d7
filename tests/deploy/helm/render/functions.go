package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"text/template"
)

// functions are the ones of Helm and Sprig that the chart uses, with their order of arguments and their rules.
func functions() template.FuncMap {
	return template.FuncMap{
		"toYaml": toYAML,
		"toJson": func(value any) (string, error) {
			text, err := json.Marshal(value)
			return string(text), err
		},
		"fromJson": func(text string) (map[string]any, error) {
			read := map[string]any{}
			return read, json.Unmarshal([]byte(text), &read)
		},
		"indent":  indent,
		"nindent": func(spaces int, text string) string { return "\n" + indent(spaces, text) },

		"fail": func(reason string) (string, error) { return "", errors.New(reason) },
		"default": func(other any, given ...any) any {
			if len(given) == 0 || empty(given[0]) {
				return other
			}
			return given[0]
		},
		"ternary": func(yes, no any, condition bool) any {
			if condition {
				return yes
			}
			return no
		},

		"quote":      quote,
		"toString":   text,
		"int":        number,
		"trim":       strings.TrimSpace,
		"trunc":      trunc,
		"trimSuffix": func(end, text string) string { return strings.TrimSuffix(text, end) },
		"trimPrefix": func(start, text string) string { return strings.TrimPrefix(text, start) },
		"replace":    func(old, by, text string) string { return strings.ReplaceAll(text, old, by) },
		"contains":   func(part, text string) bool { return strings.Contains(text, part) },
		"hasSuffix":  func(end, text string) bool { return strings.HasSuffix(text, end) },
		"regexMatch": func(pattern, text string) bool {
			matched, err := regexp.MatchString(pattern, text)
			return err == nil && matched
		},
		"sha256sum": func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) },
		"join":      join,

		"splitList": func(separator, text string) []string { return strings.Split(text, separator) },
		"first": func(items any) any {
			if of := reflect.ValueOf(items); of.Len() > 0 {
				return of.Index(0).Interface()
			}
			return nil
		},

		"list":    func(items ...any) []any { return items },
		"prepend": func(items []any, item any) []any { return append([]any{item}, items...) },
		"append":  func(items []any, item any) []any { return append(append([]any{}, items...), item) },
		"uniq":    uniq,
		"has":     func(item any, items []any) bool { return contains(items, item) },
		"dict":    dict,
		"set": func(of map[string]any, key string, value any) map[string]any {
			of[key] = value
			return of
		},
		"hasKey": func(of map[string]any, key string) bool { _, found := of[key]; return found },
		"omit":   omit,
	}
}

func empty(value any) bool {
	of := reflect.ValueOf(value)
	if !of.IsValid() {
		return true
	}
	switch of.Kind() {
	case reflect.Map, reflect.Slice, reflect.String:
		return of.Len() == 0
	default:
		return of.IsZero()
	}
}

func indent(spaces int, text string) string {
	pad := strings.Repeat(" ", spaces)
	return pad + strings.ReplaceAll(text, "\n", "\n"+pad)
}

func quote(values ...any) string {
	quoted := make([]string, 0, len(values))
	for _, value := range values {
		if value != nil {
			quoted = append(quoted, strconv.Quote(text(value)))
		}
	}
	return strings.Join(quoted, " ")
}

func text(value any) string {
	if value, isText := value.(string); isText {
		return value
	}
	return fmt.Sprint(value)
}

// number takes what it can for an integer, and 0 for the rest, as Sprig does.
func number(value any) int {
	switch value := value.(type) {
	case int:
		return value
	case float64:
		return int(value)
	case string:
		parsed, _ := strconv.Atoi(value)
		return parsed
	default:
		return 0
	}
}

func trunc(length int, text string) string {
	if length >= 0 && len(text) > length {
		return text[:length]
	}
	return text
}

func join(separator string, items any) string {
	of := reflect.ValueOf(items)
	if of.Kind() != reflect.Slice {
		return text(items)
	}
	written := make([]string, 0, of.Len())
	for index := range of.Len() {
		written = append(written, text(of.Index(index).Interface()))
	}
	return strings.Join(written, separator)
}

func contains(items []any, item any) bool {
	for _, other := range items {
		if reflect.DeepEqual(item, other) {
			return true
		}
	}
	return false
}

func uniq(items []any) []any {
	found := []any{}
	for _, item := range items {
		if !contains(found, item) {
			found = append(found, item)
		}
	}
	return found
}

func dict(pairs ...any) map[string]any {
	made := map[string]any{}
	for index := 0; index+1 < len(pairs); index += 2 {
		made[text(pairs[index])] = pairs[index+1]
	}
	return made
}

func omit(of map[string]any, names ...string) map[string]any {
	rest := map[string]any{}
	for key, value := range of {
		rest[key] = value
	}
	for _, name := range names {
		delete(rest, name)
	}
	return rest
}
