// Package sortie is what a scanner needs: a change to read, findings to give back, configuration and
// log lines. A scanner is pure: there is no file, no network, and clocks and randomness are fixed by
// the input. A panic ends the scan and keeps the gate shut.
package sortie

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Scanner judges a change before anyone publishes it. Give it to Export in an init function.
type Scanner struct {
	// Rules in a stable order; every finding names one of them.
	Rules []Rule
	// Scan judges one change. At most 1,000 findings; more end the scan with an error.
	Scan func(*Change) []Finding
}

// Severity is what a finding asks for.
type Severity uint8

const (
	// Info is worth knowing; the job goes on.
	Info Severity = iota
	// Warn is likely wrong: a person should look before it is published.
	Warn
	// Block is clearly wrong: a person must approve before it is published.
	Block
)

// Rule is one rule of a scanner.
type Rule struct {
	// ID is a stable kebab-case name of at most 64 bytes.
	ID string
	// Title is a few words.
	Title string
	// Help says what it looks for, why that matters and what is not flagged.
	Help string
	// Severity is what its findings usually carry.
	Severity Severity
}

// Side is the side of the change that a place is on.
type Side uint8

const (
	// Old counts lines before the change.
	Old Side = iota
	// New counts lines after the change.
	New
)

// Place is where a finding is.
type Place struct {
	// Path on that side.
	Path string
	// Line counts from 1; 1 for a finding about a whole file.
	Line uint32
	Side Side
}

// Finding is one thing that a person should look at.
type Finding struct {
	// Rule is the ID of one of the scanner's rules.
	Rule     string
	Severity Severity
	// Place is nil when it is about the change as a whole.
	Place *Place
	// Message is one sentence: what changed and why it matters. Cut to 1,000 bytes.
	Message string
	// Evidence is the line or lines it rests on. Cut to 4,000 bytes.
	Evidence string
}

// Source is where a change comes from: the host, or a test.
type Source interface {
	Files() []File
	Hunks(file int) []Hunk
	// Before and After are nil when there is no such content.
	Before(file int) []byte
	After(file int) []byte
}

// Change is what is judged. It is read piece by piece: a scanner that skips a file does not pay for
// it.
type Change struct{ source Source }

// NewChange is a change from elsewhere than the host, for tests.
func NewChange(source Source) *Change { return &Change{source} }

// Files are all changed files, in the order of the patch.
func (c *Change) Files() []File {
	files := c.source.Files()
	for i := range files {
		files[i].index, files[i].source = i, c.source
	}
	return files
}

// Kind is what happened to a file as a whole.
type Kind uint8

// The kinds of changes.
const (
	FileAdded Kind = iota
	FileDeleted
	FileModified
	FileRenamed
	FileCopied
	FileTypeChanged
)

// File is one changed file.
type File struct {
	// OldPath is empty when the file was added, NewPath when it was deleted.
	OldPath, NewPath string
	Kind             Kind
	// Binary files have no hunks.
	Binary bool
	// OldMode and NewMode are git's, such as 0o100644; 0 when absent.
	OldMode, NewMode uint32
	// Additions and Deletions are numbers of lines.
	Additions, Deletions uint32

	index  int
	source Source
}

// Hunks are the changed lines with their context; none for a binary file or a pure rename.
func (f *File) Hunks() []Hunk { return f.source.Hunks(f.index) }

// Before is the content before the change; nil when there is none, or the host has only a patch.
func (f *File) Before() []byte { return f.source.Before(f.index) }

// After is the content after the change; nil when there is none, or the host has only a patch.
func (f *File) After() []byte { return f.source.After(f.index) }

// Added are the lines that the change adds.
func (f *File) Added() []Line { return f.lines(LineAdded) }

// Removed are the lines that the change removes.
func (f *File) Removed() []Line { return f.lines(LineRemoved) }

func (f *File) lines(kind LineKind) (lines []Line) {
	for _, hunk := range f.Hunks() {
		for _, line := range hunk.Lines {
			if line.Kind == kind {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Finding is one at a line of this file, with the line's trimmed text as evidence.
func (f *File) Finding(rule string, severity Severity, line Line, message string) Finding {
	place := &Place{Path: f.NewPath, Line: line.NewLine, Side: New}
	if line.Kind == LineRemoved {
		place = &Place{Path: f.OldPath, Line: line.OldLine, Side: Old}
	}
	return Finding{rule, severity, place, message, strings.Trim(line.Text, " \t\n\r\f")}
}

// Hunk is a run of changed lines with their context.
type Hunk struct {
	OldStart, OldCount, NewStart, NewCount uint32
	// Section is what git prints after the second @@: usually the enclosing function.
	Section string
	Lines   []Line
}

// LineKind is which side of the change a line stands on.
type LineKind uint8

// The kinds of lines.
const (
	LineContext LineKind = iota
	LineAdded
	LineRemoved
)

// Line is one line of a hunk.
type Line struct {
	Kind LineKind
	// OldLine and NewLine count from 1; 0 where the line is not on that side.
	OldLine, NewLine uint32
	Text             string
}

// Config reads one key of the plugin's configuration into value and says whether the operator set
// it. A value of another type panics: a rule that cannot read its configuration must not pass a
// change.
func Config(key string, value any) bool {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(configJSON()), &all); err != nil {
		panic(fmt.Sprintf("the configuration is not usable: %v", err))
	}
	raw, set := all[key]
	if set {
		if err := json.Unmarshal(raw, value); err != nil {
			panic(fmt.Sprintf("the configuration's `%s` is not usable: %v", key, err))
		}
	}
	return set
}

// Debugf logs for the author of the plugin; dropped unless asked for.
func Debugf(format string, values ...any) { writeLog(0, fmt.Sprintf(format, values...)) }

// Infof logs what is worth reading when looking into something.
func Infof(format string, values ...any) { writeLog(1, fmt.Sprintf(format, values...)) }

// Warnf logs that something is off and the plugin went on.
func Warnf(format string, values ...any) { writeLog(2, fmt.Sprintf(format, values...)) }

// Errorf logs that something failed.
func Errorf(format string, values ...any) { writeLog(3, fmt.Sprintf(format, values...)) }
