// Flags unfinished work: added lines with TODO or FIXME as a word of their own. The words can be
// replaced in the plugin's configuration: words = ["HACK"].
package main

import (
	"strings"

	"local/my-rule/sortie"
)

func init() {
	sortie.Export(sortie.Scanner{
		Rules: []sortie.Rule{{
			ID:    "todo-comment",
			Title: "Unfinished work",
			Help: "Flags added lines that say something is unfinished, so that a person decides " +
				"whether it may stay. Files under `vendor/` are not looked at.",
			Severity: sortie.Warn,
		}},
		Scan: scan,
	})
}

func scan(change *sortie.Change) (findings []sortie.Finding) {
	words := []string{"TODO", "FIXME"}
	sortie.Config("words", &words)
	lookedAt := 0
	for _, file := range change.Files() {
		if file.NewPath == "" || file.Binary || strings.HasPrefix(file.NewPath, "vendor/") {
			continue
		}
		lookedAt++
		for _, line := range file.Added() {
			for _, word := range words {
				if hasWord(line.Text, word) {
					message := "`" + word + "` was added"
					findings = append(findings, file.Finding("todo-comment", sortie.Warn, line, message))
					break
				}
			}
		}
	}
	sortie.Infof("%d files looked at", lookedAt)
	return findings
}

// hasWord says whether word stands in text with no letter, digit or _ of ASCII beside it.
func hasWord(text, word string) bool {
	for from := 0; word != ""; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		start, end := from+at, from+at+len(word)
		if !(start > 0 && partOfWord(text[start-1])) && !(end < len(text) && partOfWord(text[end])) {
			return true
		}
		from = start + 1
	}
	return false
}

func partOfWord(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// A component has no main; Go wants one.
func main() {}
